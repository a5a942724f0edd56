//! Round trips in the bytes that `docs/format.md` specifies, and rejected variants of them.

use super::*;
use crate::convert::u64_of;
use crate::error::Error;

fn column(numbers: &[u64]) -> Vec<u8> {
    let (mut writer, mut bytes) = (ColumnWriter::new(), Vec::new());
    numbers.iter().for_each(|&number| writer.push(number));
    writer.finish(&mut bytes);
    bytes
}

fn read_column(bytes: &[u8], count: usize) -> Result<Vec<u64>, Error> {
    let mut reader = Reader::new(bytes);
    let mut column = Column::read(&mut reader)?;
    let numbers = (0..count).map(|_| column.next()).collect::<Result<_, _>>()?;
    column.finish()?;
    reader.finish()?;
    Ok(numbers)
}

#[test]
fn columns_are_groups() {
    for (numbers, bytes) in [
        (vec![], vec![0]),
        (vec![5], vec![11]),
        (vec![u64::MAX >> 1], vec![0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1]),
        (vec![5, 5], vec![6, 129, 5, 5]),
        (vec![7, 7, 7], vec![4, 2, 7]),
        (vec![1, 300, 9, 9, 9, 9], vec![12, 129, 1, 0xac, 2, 3, 9]),
        (vec![4; 130], vec![10, 127, 4, 129, 4, 4]),
    ] {
        assert_eq!(column(&numbers), bytes, "{numbers:?}");
        assert_eq!(read_column(&bytes, numbers.len()), Ok(numbers));
    }
}

#[test]
fn columns_of_any_length_come_back() {
    for len in 0..700 {
        // Repeated numbers of every count, among numbers that are not repeated.
        let numbers: Vec<u64> = (0..len).map(|at: u64| if at % 300 < len % 300 { at / 300 } else { at * at }).collect();
        assert_eq!(read_column(&column(&numbers), numbers.len()), Ok(numbers.clone()));
        let mut deltas = DeltaWriter::new();
        numbers.iter().for_each(|&number| deltas.push(number.wrapping_mul(0x9e37_79b9_7f4a_7c15)));
        let mut bytes = Vec::new();
        deltas.finish(&mut bytes);
        let mut read = DeltaColumn::read(&mut Reader::new(&bytes)).unwrap();
        for number in numbers {
            assert_eq!(read.next(), Ok(number.wrapping_mul(0x9e37_79b9_7f4a_7c15)));
        }
        assert_eq!(read.finish(), Ok(()));
    }
}

#[test]
fn fixed_columns_come_back() {
    let numbers = [1.5_f64.to_bits(), 1.5_f64.to_bits(), 1.5_f64.to_bits(), (-0.0_f64).to_bits(), u64::MAX];
    for len in 0..=numbers.len() {
        let (mut writer, mut bytes) = (ColumnWriter::fixed(), Vec::new());
        numbers[..len].iter().for_each(|&number| writer.push(number));
        writer.finish(&mut bytes);
        let mut column = Column::read_fixed(&mut Reader::new(&bytes)).unwrap();
        numbers[..len].iter().for_each(|&number| assert_eq!(column.next(), Ok(number)));
        assert_eq!(column.finish(), Ok(()));
    }
    assert!(Column::read_fixed(&mut Reader::new(&[3])).is_err());
}

#[test]
fn a_column_is_as_long_as_its_bytes() {
    for bytes in [&[4, 2][..], &[2, 2], &[4, 130, 1], &[255], &[1, 1], &[4, 2, 7, 0], &[20, 0, 1]] {
        assert!(matches!(read_column(bytes, 3), Err(Error::Corrupt(_))), "{bytes:?}");
    }
    let column = Column::read(&mut Reader::new(&[4, 127, 7])).unwrap();
    assert_eq!((column.check_count(128), column.check_count(129).is_err()), (Ok(()), true));
}

#[test]
fn numbers_have_one_form() {
    for number in [0, 1, 127, 128, 16_383, 16_384, u64::MAX >> 1, u64::MAX] {
        let mut bytes = Vec::new();
        put_varint(&mut bytes, number);
        assert_eq!(Reader::new(&bytes).varint(), Ok(number));
        assert!(Reader::new(&bytes[..bytes.len() - 1]).varint().is_err());
    }
    let overlong =
        [&[0x80, 0][..], &[0xff, 0x80, 0], &[0xff; 10], &[0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 2]];
    for bytes in overlong {
        assert!(Reader::new(bytes).varint().is_err(), "{bytes:?}");
    }
    for difference in [0, -1, 1, i64::MAX, i64::MIN] {
        assert_eq!(unzigzag(zigzag(difference)), difference);
    }
    assert_eq!([0, -1, 1, -2].map(zigzag), [0, 1, 2, 3]);
}

#[test]
fn sorted_texts_share_what_they_can() {
    let long = "x".repeat(200);
    let texts = ["", "a", "ab", "b", "ß", "ßa", &long, &format!("{long}y")];
    let (mut writer, mut bytes) = (SortedTextsWriter::new(), Vec::new());
    let mut sorted = texts.to_vec();
    sorted.sort_unstable();
    sorted.iter().for_each(|text| writer.push(text));
    writer.finish(&mut bytes);
    let mut read = SortedTexts::read(&mut Reader::new(&bytes)).unwrap();
    sorted.iter().for_each(|text| assert_eq!(read.next(300), Ok(*text)));
    assert_eq!(read.finish(), Ok(()));

    // Shared lengths and rests: "b" after "b"; "a" after "b"; "ab" after "ab" with a prefix that is
    // too short; invalid UTF-8.
    let broken: [(&[u64], &[u64], &[u8]); 4] =
        [(&[0, 1], &[1, 0], b"b"), (&[0, 0], &[1, 1], b"ba"), (&[0, 0], &[2, 3], b"ababc"), (&[0], &[1], &[0xc3])];
    for (shared, lens, rests) in broken {
        let mut bytes = [column(shared), column(lens)].concat();
        put_varint(&mut bytes, u64_of(rests.len()));
        bytes.extend_from_slice(rests);
        let mut read = SortedTexts::read(&mut Reader::new(&bytes)).unwrap();
        let last = (0..shared.len()).map(|_| read.next(300).map(str::to_owned)).last().unwrap();
        assert!(last.is_err(), "{rests:?} gave {last:?}");
    }
}

#[test]
fn texts_that_came_before_are_named() {
    let texts: Vec<Vec<u8>> = (0..10_000_u32).map(|at| (at % 5_000).to_le_bytes().to_vec()).collect();
    let (mut writer, mut bytes) = (TextColumnWriter::new(), Vec::new());
    texts.iter().for_each(|text| writer.push(text));
    writer.finish(&mut bytes);
    let mut read = TextColumn::read(&mut Reader::new(&bytes)).unwrap();
    let mut known: Vec<&[u8]> = Vec::new();
    for (at, text) in texts.iter().enumerate() {
        let piece = read.next().unwrap();
        let got = match piece {
            TextPiece::New { bytes, is_numbered } => {
                known.extend(is_numbered.then_some(bytes));
                bytes
            }
            TextPiece::Known(number) => known[number],
        };
        assert_eq!((got, matches!(piece, TextPiece::Known(_))), (&text[..], at >= 5_000 && at % 5_000 < 4_096));
    }
    assert_eq!((read.finish(), known.len()), (Ok(()), 4_096));
}

#[test]
fn frames_are_whole() {
    let mut frame = FrameWriter::new(FrameKind::Update);
    frame.section(Section::Peers, vec![1, 2]);
    frame.section(Section::History, vec![]);
    let bytes = frame.finish();
    assert_eq!(bytes[..14], [0xc7, b'c', b'v', b'g', 1, b'U', 0, 6, 1, 2, 1, 2, 6, 0]);
    let mut read = Frame::read(&bytes).unwrap();
    assert_eq!((read.kind, read.need(Section::Peers).unwrap().left()), (FrameKind::Update, 2));
    assert!(read.finish().is_err(), "a section was not taken out");
    let heads: Vec<_> = read.heads().map(|head| (head.number, head.name, head.bytes)).collect();
    assert_eq!((heads, read.version()), (vec![(1, "peers", 2), (6, "history", 0)], 1));
    assert!(read.take(Section::History).is_some() && read.need(Section::State).is_err() && read.finish().is_ok());

    for at in 0..bytes.len() {
        assert!(Frame::read(&bytes[..at]).is_err(), "cut at {at}");
        let mut flipped = bytes.clone();
        flipped[at] ^= 1;
        assert!(Frame::read(&flipped).is_err(), "flipped at {at}");
    }
    assert!(Frame::read(&[&bytes[..], &bytes].concat()).is_err());

    // A version or feature of a newer engine is reported before anything else is read.
    for (version, kind, features, error) in [
        (2, b'U', 0, Error::UnsupportedVersion(2)),
        (1, b'U', 1, Error::UnsupportedFeature(0)),
        (1, b'U', 7, Error::UnsupportedFeature(0)),
        (1, b'Z', 4, Error::UnsupportedFeature(2)),
    ] {
        let newer = [&bytes[..4], &[version, kind, features], &bytes[7..]].concat();
        assert_eq!(Frame::read(&newer).map(drop), Err(error));
    }
}
