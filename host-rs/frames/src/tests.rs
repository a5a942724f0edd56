//! Frames and their bytes.

use super::{Argument, Frame, Goodbye, MAX_NUMBER, Mutate, Outcome, OutcomeState, Welcome};

fn call(arguments: impl IntoIterator<Item = Argument>) -> Mutate {
    Mutate {
        client: "ann".into(),
        number: 1,
        mark: MAX_NUMBER,
        peer: "ann.2".into(),
        after: 200,
        name: "rename".into(),
        arguments: arguments.into_iter().collect(),
    }
}

fn outcome(state: OutcomeState) -> Frame {
    Frame::Outcome(Outcome { client: "ann".into(), number: 200, state })
}

#[test]
fn frames_decode_to_what_was_encoded() {
    let welcome = Welcome {
        incarnation: "abc".into(),
        write: true,
        presence: false,
        full_sync: true,
        max_message_bytes: 65_536,
        silence_ms: 60_000,
        mutate: true,
        subject: "ann".into(),
    };
    let goodbye = |retry_after_ms| Frame::Goodbye(Goodbye { code: 4410, retry_after_ms, why: "ß".into() });
    let frames = [
        Frame::Token(String::new()),
        Frame::Token("x".repeat(300)),
        Frame::Welcome(welcome),
        Frame::Ping,
        Frame::Pong,
        goodbye(None),
        goodbye(Some(0)),
        goodbye(Some(u64::MAX - 1)),
        Frame::Mutate(call([])),
        Frame::Mutate(call([
            Argument::Null,
            Argument::Boolean(false),
            Argument::Boolean(true),
            Argument::Integer(0),
            Argument::Integer(-1),
            Argument::Integer(i64::MIN),
            Argument::Integer(i64::MAX),
            Argument::Real(-0.5),
            Argument::Real(f64::INFINITY),
            Argument::Text("ß".into()),
            Argument::Blob(vec![0, 255]),
        ])),
        outcome(OutcomeState::Confirmed { peer: "home.x".into(), counter: 300 }),
        outcome(OutcomeState::Rejected { code: "rejected".into(), why: "no".into() }),
        outcome(OutcomeState::Expected(u64::MAX)),
        outcome(OutcomeState::NotNow { retry_after_ms: 5_000, why: "later".into() }),
        outcome(OutcomeState::Taken),
        outcome(OutcomeState::Refused("no right".into())),
        outcome(OutcomeState::Forgotten),
    ];
    for frame in frames {
        let mut bytes = frame.encode();
        assert!(Frame::is_one(&bytes));
        for end in 1..bytes.len() {
            assert_ne!(Frame::decode(&bytes[..end]).as_ref(), Some(&frame), "{end} bytes of {frame:?}");
        }
        bytes.push(7);
        assert_eq!(Frame::decode(&bytes), Some(frame));
    }
}

#[test]
fn other_bytes_are_no_frames() {
    assert!(!Frame::is_one(&[]) && !Frame::is_one(&[6]) && !Frame::is_one(&[129]));
    for bytes in [
        &[][..],
        &[66],
        &[71],
        &[79, 1],
        // The number 0, the mark 0, too many arguments, an argument of an unknown kind.
        &[66, 0, 0, 1, 0, 0, 0, 0],
        &[66, 0, 1, 0, 0, 0, 0, 0],
        &[66, 0, 1, 1, 0, 0, 0, 0x81, 2],
        &[66, 0, 1, 1, 0, 0, 0, 1, 0],
        &[67, 0, 1, 7],
        &[64],
        &[64, 5, b'a'],
        &[64, 1, 0xff],
        &[72, 255],
        &[64, 255, 255, 255, 255, 255, 255, 255, 255, 255, 1],
    ] {
        assert_eq!(Frame::decode(bytes), None, "{bytes:?}");
    }
}

#[test]
fn the_example_of_the_documentation() {
    let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/server.md")).unwrap();
    let arguments = ["t1", "x"].map(|text| Argument::Text(text.into()));
    let rename = Mutate { mark: 5, peer: String::new(), after: 0, ..call(arguments) };
    let hex: Vec<String> = Frame::Mutate(rename).encode().iter().map(|byte| format!("{byte:02x}")).collect();
    let one_line = page.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(one_line.contains(&format!("is `{}`", hex.join(" "))), "{hex:?}");
}

#[test]
fn a_welcome_of_a_server_without_mutations() {
    let welcome = Frame::decode(&[65, 0, 7, 1, 2]);
    assert!(matches!(welcome, Some(Frame::Welcome(Welcome { mutate: false, subject, .. })) if subject.is_empty()));
}
