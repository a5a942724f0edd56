//! Tests that apply to all commands: damaged files, invalid arguments, help and closed pipes; and
//! tests of `converge component`.

use super::{converge, document, folder, history, odd, parts, stderr_of};
use converge::Error;
use converge_rig::history::TABLE;
use std::fs;
use std::io::Read;
use std::path::Path;
use std::process::{Command, Stdio};

#[test]
fn every_command_rejects_damaged_files() -> Result<(), Error> {
    let folder = folder();
    let saved = odd()?.save()?;
    let mut flipped = saved.clone();
    flipped[30] ^= 1;
    let mut newer = saved.clone();
    newer[4] = 9;
    let cut = &saved[..saved.len() / 2];
    let commands: [&[&str]; 5] = [
        &["log", "doc"],
        &["diff", "doc", "--from", ""],
        &["diff", "doc", "doc"],
        &["merge", "doc", "doc", "-o", "out"],
        &["export", "doc", "--table", "odd"],
    ];
    for (bytes, expected) in [
        (flipped.as_slice(), "corrupt bytes: at byte "),
        (cut, "corrupt bytes: at byte "),
        (&newer, "this engine cannot read format version 9; a newer engine wrote the bytes"),
        (b"", "corrupt bytes: at byte 0"),
    ] {
        fs::write(folder.path().join("doc"), bytes).expect("the file can be written");
        for command in commands {
            let error = stderr_of(folder.path(), command);
            assert!(error.starts_with(&format!("converge: doc: {expected}")), "{command:?}: {error}");
        }
    }
    fs::remove_file(folder.path().join("doc")).expect("the file can be removed");
    for command in commands.into_iter().chain([["inspect", "doc"].as_slice()]) {
        assert!(stderr_of(folder.path(), command).starts_with("converge: doc: "), "{command:?}");
    }
    assert!(!folder.path().join("out").exists());
    Ok(())
}

#[test]
fn invalid_arguments_exit_with_2() {
    let wrong: [&[&str]; 23] = [
        &["inspect"],
        &["inspect", "a", "b"],
        &["inspect", "a", "--most", "1"],
        &["log"],
        &["log", "a", "--limit", "-1"],
        &["log", "a", "b"],
        &["diff"],
        &["diff", "a"],
        &["diff", "a", "--to", "x:1"],
        &["diff", "a", "b", "c"],
        &["diff", "a", "b", "--from", "x:1"],
        &["diff", "a", "--from", "x"],
        &["merge", "-o", "a"],
        &["merge", "a", "-o", "b"],
        &["merge", "a", "b"],
        &["export", "--table", "t"],
        &["export", "a"],
        &["export", "a", "--table", "t", "--format", "xml"],
        &[],
        &["replay", "a"],
        &["component"],
        &["component", "a", "b"],
        &["--verbose"],
    ];
    for arguments in wrong {
        let (code, stdout, stderr) = parts(&converge(arguments));
        assert_eq!((code, stdout.as_str()), (Some(2), ""), "{arguments:?}");
        assert!(stderr.starts_with("converge: "), "{arguments:?}: {stderr}");
    }
}

#[test]
fn every_command_has_help() {
    let (_, all, _) = parts(&converge(["--help"]));
    for command in ["inspect", "log", "diff", "merge", "export", "component"] {
        let usage = format!("  converge {command} ");
        assert!(all.contains(&usage), "{all}");
        let (code, stdout, stderr) = parts(&converge([command, "--help"]));
        assert_eq!((code, stderr.as_str()), (Some(0), ""));
        assert!(stdout.contains(&usage) && stdout != all, "{stdout}");
    }
}

#[test]
fn a_closed_output_pipe_is_not_a_failure() -> Result<(), Error> {
    let folder = folder();
    document(&history("automerge.history.tsv.gz")).save_file(folder.path().join("doc"))?;
    let commands: [&[&str]; 5] = [
        &["log", "doc"],
        &["inspect", "doc", "--all"],
        &["diff", "doc", "--from", ""],
        &["export", "doc", "--table", TABLE],
        &["export", "doc", "--table", TABLE, "--format", "jsonl"],
    ];
    for command in commands {
        let mut program = Command::new(env!("CARGO_BIN_EXE_converge"))
            .args(command)
            .current_dir(folder.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program starts");
        drop(program.stdout.take());
        let mut stderr = String::new();
        program.stderr.take().expect("standard error is a pipe").read_to_string(&mut stderr).expect("valid UTF-8");
        assert_eq!((program.wait().expect("the program exits").code(), stderr.as_str()), (Some(0), ""), "{command:?}");
    }
    Ok(())
}

#[test]
fn version_and_component_equal_those_of_the_library() {
    let (code, stdout, _) = parts(&converge(["--version"]));
    assert_eq!((code, stdout), (Some(0), format!("converge {}\n", env!("CARGO_PKG_VERSION"))));

    let folder = folder();
    let file = folder.path().join("converge.wasm");
    let (code, ..) = parts(&converge([Path::new("component"), &file]));
    assert_eq!(code, Some(0));
    assert!(fs::read(&file).expect("the file exists") == ::converge::COMPONENT);
    let (code, _, stderr) = parts(&converge([Path::new("component"), folder.path()]));
    assert!(code == Some(1) && stderr.starts_with("converge: "), "{stderr}");
}
