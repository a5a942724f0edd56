//! Tests that the commands in the README of the program succeed.

use super::folder;
use converge::{Doc, Instance};
use converge_storage::{Directory, Options, StoredDoc};
use std::fs;
use std::process::Command;

const README: &str = include_str!("../../README.md");

#[test]
fn every_command_of_the_readme_runs() -> Result<(), Box<dyn std::error::Error>> {
    let folder = folder();
    let doc = Doc::create("ann")?;
    doc.insert("people", "p1", [("name", "Alice")])?;
    doc.update("people", "p1", [("name", "Alicia")])?;
    doc.save_file(folder.path().join("people.converge"))?;
    let other = doc.fork_at(&doc.heads()?, "ben")?;
    other.insert("people", "p2", [("name", "Bob")])?;
    other.save_file(folder.path().join("other.converge"))?;
    other.delete("people", "p1")?;
    fs::write(folder.path().join("update"), other.update_since(&doc.summary()?)?).expect("the file can be written");
    let instance = Instance::new(Default::default())?;
    StoredDoc::create(folder.path().join("board.db"), "board", &instance, &Options::default())?;
    Directory::open(folder.path().join("data"))?.create("board", &instance, &Options::default())?;

    let block = README
        .split("```sh\n")
        .nth(1)
        .and_then(|rest| rest.split("```").next())
        .expect("the README has a block of commands");
    let mut commands = 0;
    for line in block.lines() {
        let command = line.split('#').next().unwrap_or_default();
        let arguments =
            command.strip_prefix("converge ").expect("the line is a call of the program").split_whitespace();
        let program = Command::new(env!("CARGO_BIN_EXE_converge")).args(arguments).current_dir(folder.path()).output();
        let output = program.expect("the program starts");
        // Both calls of `diff` find differences.
        let expected = i32::from(command.starts_with("converge diff"));
        assert_eq!(output.status.code(), Some(expected), "{command}: {}", String::from_utf8_lossy(&output.stderr));
        assert!(output.stderr.is_empty(), "{command}");
        commands += 1;
    }
    assert_eq!(commands, 12);
    let exported = fs::read_to_string(folder.path().join("people.jsonl")).expect("the file exists");
    assert_eq!(exported, "{\"id\":\"p2\",\"name\":\"Bob\"}\n");
    Ok(())
}
