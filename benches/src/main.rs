//! Benchmarks of converge and other libraries; `just bench --help` describes the options.

use converge_benches::libraries::Result;
use converge_benches::results::Results;
use converge_benches::works::{self, Size, WORKS};
use converge_benches::{chart, compare, report, run};
use lexopt::ValueExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

const HELP: &str = "\
Compares converge with loro, yrs, automerge, diamond-types (Rust) and yjs, loro-crdt, automerge,
diamond-types-node (Node).

Usage:
    just bench [options] [NAME...]
    just bench-compare A B          show what changed between two results.json

Options:
    --rounds N      how often each benchmark runs [default: 3]
    --seed S        decides the order of the benchmarks [default: 1]
    --out FOLDER    where to write results.json, tables.md and charts [default: target/bench]
    --small         use small numbers, as a smoke test

Each benchmark of each library runs in its own process. Tables show medians. Without names, all
benchmarks run.

Benchmarks:
";

fn main() -> ExitCode {
    match main_of(std::env::args().skip(1).collect()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn main_of(arguments: Vec<String>) -> Result<()> {
    let texts: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match texts[..] {
        ["case", library, work, size] => case(library, work, size),
        ["compare", a, b] => {
            print!("{}", compare::table(&Results::read(Path::new(a))?, &Results::read(Path::new(b))?));
            Ok(())
        }
        ["report", results, page] => report::fill_in(&Results::read(Path::new(results))?, Path::new(page)),
        _ => bench(arguments),
    }
}

/// Runs one work of one library in this process and prints its figures as a line of JSON.
fn case(library: &str, work: &str, size: &str) -> Result<()> {
    println!("{}", serde_json::to_string(&works::run(work, library, Size::named(size))?)?);
    Ok(())
}

fn bench(arguments: Vec<String>) -> Result<()> {
    let mut options = run::Options {
        works: Vec::new(),
        is_small: false,
        rounds: 3,
        seed: 1,
        out: PathBuf::from("target/bench"),
        arguments: arguments.join(" "),
    };
    let mut parser = lexopt::Parser::from_args(arguments);
    while let Some(argument) = parser.next()? {
        match argument {
            lexopt::Arg::Long("small") => options.is_small = true,
            lexopt::Arg::Long("rounds") => options.rounds = parser.value()?.string()?.parse()?,
            lexopt::Arg::Long("seed") => options.seed = parser.value()?.string()?.parse()?,
            lexopt::Arg::Long("out") => options.out = parser.value()?.into(),
            lexopt::Arg::Long("help") => {
                print!("{HELP}");
                WORKS.iter().for_each(|work| println!("    {:<16}{}", work.name, work.about));
                return Ok(());
            }
            lexopt::Arg::Value(name) => {
                let name = name.string()?;
                let work = WORKS.iter().find(|work| work.name == name);
                options.works.push(work.ok_or_else(|| format!("unknown benchmark {name}; --help lists all"))?);
            }
            other => return Err(other.unexpected().into()),
        }
    }
    if options.rounds == 0 {
        return Err("--rounds must be at least 1".into());
    }
    if options.works.is_empty() {
        options.works.extend(&WORKS);
    }
    std::fs::create_dir_all(&options.out)?;
    let file = options.out.join("results.json");
    let results = run::run(&options, |results| results.write(&file))?;
    let tables = report::tables(&results);
    std::fs::write(options.out.join("tables.md"), &tables)?;
    chart::write(&results, &options.out)?;
    println!("{tables}");
    eprintln!("results.json, tables.md and charts: {}", options.out.display());
    Ok(())
}
