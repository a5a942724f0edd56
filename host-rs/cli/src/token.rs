//! `converge token`: creates tokens for clients of a server, and the keys that sign them.

use crate::input::Failure;
use converge_server::auth::{self, Claims, Key, Rights, mint};
use lexopt::prelude::{Long, Short, ValueExt};
use std::collections::BTreeMap;
use std::fs;
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

pub(crate) const HELP: &str = "\
Creates tokens for clients of a server, and the keys that sign them.

Usage:
  converge token --key FILE --subject NAME --docs 'PATTERN=RIGHTS' [options]
                                      print a token
  converge token --key FILE --public  print the public form of an Ed25519 key
  converge token --new-key FILE [--ed25519] [--kid NAME]
                                      create a key file, which must not exist

Options of a token:
  --subject NAME           the user or program
  --docs 'PATTERN=RIGHTS'  the rights for documents; may be repeated
  --peers PREFIX           accept only events and entries of peers whose names start with PREFIX
  --valid TIME             how long the token is valid: 30s, 15m, 1h or 7d [default: 1h]

Options of a key:
  --ed25519                create an Ed25519 key pair instead of an HS256 secret
  --kid NAME               the name of the key, which tokens contain [default: 8 random letters]

A pattern that ends with *, such as 'board/*', matches all names of documents that start with the
text before the *. Another pattern matches one name. The most specific pattern alone decides.

Rights are letters: r to read, w to write events, m to call mutators, p to write presence and other
entries of the store, a to administer.

A key file contains a JSON Web Key. Every program that can read it can create tokens. On Unix, only
the owner can read a new key file. The public form of an Ed25519 key verifies tokens, and cannot
create them.
";

/// How long a token is valid by default, in seconds.
const DEFAULT_VALID: u64 = 60 * 60;

pub(crate) enum Options {
    Token { key: PathBuf, subject: String, docs: BTreeMap<String, String>, peers: Option<String>, valid: u64 },
    Public { key: PathBuf },
    NewKey { file: PathBuf, ed25519: bool, kid: Option<String> },
}

/// The options of the command line.
#[derive(Default)]
struct Given {
    key: Option<PathBuf>,
    new_key: Option<PathBuf>,
    subject: Option<String>,
    docs: BTreeMap<String, String>,
    peers: Option<String>,
    valid: Option<u64>,
    kid: Option<String>,
    ed25519: bool,
    public: bool,
}

/// Returns `None` if help is requested.
pub(crate) fn arguments(arguments: &mut lexopt::Parser) -> Result<Option<Options>, lexopt::Error> {
    let mut given = Given::default();
    while let Some(argument) = arguments.next()? {
        match argument {
            Short('h') | Long("help") => return Ok(None),
            Long("key") => given.key = Some(PathBuf::from(arguments.value()?)),
            Long("new-key") => given.new_key = Some(PathBuf::from(arguments.value()?)),
            Long("subject") => given.subject = Some(arguments.value()?.string()?),
            Long("docs") => add_docs(&mut given.docs, &arguments.value()?.string()?)?,
            Long("peers") => given.peers = Some(arguments.value()?.string()?),
            Long("valid") => given.valid = Some(seconds(&arguments.value()?.string()?)?),
            Long("kid") => given.kid = Some(arguments.value()?.string()?),
            Long("ed25519") => given.ed25519 = true,
            Long("public") => given.public = true,
            other => return Err(other.unexpected()),
        }
    }
    given.options().map(Some)
}

impl Given {
    /// Chooses what to do. Fails if options are missing or do not belong together.
    fn options(self) -> Result<Options, lexopt::Error> {
        let of_token = self.subject.is_some() || !self.docs.is_empty() || self.peers.is_some() || self.valid.is_some();
        let of_key = self.ed25519 || self.kid.is_some();
        match (self.key, self.new_key) {
            (None, None) => Err("--key FILE is missing; `converge token --new-key FILE` creates a key".into()),
            (Some(_), Some(_)) => Err("--key and --new-key exclude each other".into()),
            (None, Some(_)) if of_token || self.public => {
                Err("--new-key takes only --ed25519 and --kid; create the token with --key afterwards".into())
            }
            (None, Some(file)) => Ok(Options::NewKey { file, ed25519: self.ed25519, kid: self.kid }),
            (Some(_), None) if of_key => Err("--ed25519 and --kid require --new-key".into()),
            (Some(_), None) if self.public && of_token => Err("--public takes only --key".into()),
            (Some(key), None) if self.public => Ok(Options::Public { key }),
            (Some(key), None) => {
                let subject = self.subject.ok_or("--subject NAME is missing")?;
                if self.docs.is_empty() {
                    return Err("--docs 'PATTERN=RIGHTS' is missing".into());
                }
                let valid = self.valid.unwrap_or(DEFAULT_VALID);
                Ok(Options::Token { key, subject, docs: self.docs, peers: self.peers, valid })
            }
        }
    }
}

/// Adds a pattern with its rights. The last `=` separates them.
fn add_docs(docs: &mut BTreeMap<String, String>, text: &str) -> Result<(), String> {
    let parts = text.rsplit_once('=');
    let (pattern, letters) = parts.ok_or_else(|| format!("--docs {text:?} has no rights; write 'PATTERN=RIGHTS'"))?;
    let rights = letters.parse::<Rights>().map_err(|error| format!("--docs {text:?}: {error}"))?;
    match docs.insert(pattern.to_owned(), rights.to_string()) {
        None => Ok(()),
        Some(_) => Err(format!("--docs contains the pattern {pattern:?} twice; pass it once with all its rights")),
    }
}

/// Parses a duration such as `15m`.
fn seconds(text: &str) -> Result<u64, String> {
    let parse = || {
        let unit = text.chars().next_back()?;
        let factor = match unit {
            's' => 1,
            'm' => 60,
            'h' => 60 * 60,
            'd' => 24 * 60 * 60,
            _ => return None,
        };
        let number: u64 = text.strip_suffix(unit)?.parse().ok()?;
        number.checked_mul(factor).filter(|seconds| *seconds > 0)
    };
    parse().ok_or_else(|| format!("--valid is {text:?}; write a number and s, m, h or d, such as 15m"))
}

/// Prints a token or a public key, or creates a key file.
pub(crate) fn token(options: &Options, output: &mut impl Write) -> Result<(), Failure> {
    match options {
        Options::Token { key, subject, docs, peers, valid } => {
            let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
            let exp = now.saturating_add(*valid);
            let claims = Claims { sub: subject.clone(), exp, docs: docs.clone(), peers: peers.clone() };
            writeln!(output, "{}", mint(&Key::load(key)?, &claims)?)?;
        }
        Options::Public { key } => writeln!(output, "{}", Key::load(key)?.public_json()?)?,
        Options::NewKey { file, ed25519, kid } => {
            let kid = kid.clone().map_or_else(auth::random_kid, Ok)?;
            let key = if *ed25519 { Key::generate_ed25519(kid)? } else { Key::generate_hs256(kid)? };
            create(file, &key.to_json()).map_err(|error| format!("{}: {error}", file.display()))?;
            writeln!(output, "created the key {:?}", key.kid())?;
            if *ed25519 {
                let command = format!("converge token --key {} --public", file.display());
                writeln!(output, "`{command}` prints its public form, which servers can use instead")?;
            }
        }
    }
    Ok(())
}

/// Creates a file that only its owner can read.
fn create(path: &Path, line: &str) -> io::Result<()> {
    let mut options = fs::File::options();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path).map_err(|error| match error.kind() {
        ErrorKind::AlreadyExists => io::Error::new(error.kind(), "the file exists; choose another name"),
        _ => error,
    })?;
    let written = writeln!(file, "{line}").and_then(|()| file.sync_all());
    if written.is_err() {
        // A part of a key is of no use.
        let _ = fs::remove_file(path);
    }
    written
}

#[cfg(test)]
mod tests {
    use super::{Options, arguments, seconds, token};
    use crate::input::Failure;
    use converge_server::auth::{Key, Keys};
    use std::path::Path;
    use std::time::{Duration, SystemTime};

    /// Runs the command, and returns its output, or `None` for help.
    fn run(list: &[&str]) -> Result<Option<String>, Failure> {
        let Some(options) = arguments(&mut lexopt::Parser::from_args(list))? else { return Ok(None) };
        let mut output = Vec::new();
        token(&options, &mut output)?;
        Ok(Some(String::from_utf8(output)?))
    }

    fn text(path: &Path) -> Result<&str, Failure> {
        Ok(path.to_str().ok_or("the path is not UTF-8")?)
    }

    #[test]
    fn new_keys_create_tokens() -> Result<(), Failure> {
        let folder = tempfile::tempdir()?;
        for (name, kind) in [("secret", None), ("pair", Some("--ed25519"))] {
            let path = folder.path().join(name);
            let file = text(&path)?;
            let mut list = vec!["--new-key", file, "--kid", "2026"];
            list.extend(kind);
            let created = run(&list)?.ok_or("this is help")?;
            assert!(created.starts_with("created the key \"2026\"\n"), "{created}");
            assert_eq!(created.contains("--public` prints"), kind.is_some());
            let exists = run(&list).expect_err("the file exists").to_string();
            assert_eq!(exists, format!("{file}: the file exists; choose another name"));
            #[cfg(unix)]
            {
                let permissions = std::fs::metadata(&path)?.permissions();
                assert_eq!(std::os::unix::fs::PermissionsExt::mode(&permissions) & 0o777, 0o600);
            }

            let list = ["--key", file, "--subject", "ann", "--docs", "a=b/*=wr", "--docs", "x=", "--valid", "7d"];
            let printed = run(&list)?.ok_or("this is help")?;
            let grant = Keys::new([Key::load(&path)?])?.verify(printed.trim_end())?;
            assert_eq!((grant.subject(), grant.peers()), ("ann", None));
            assert_eq!(["a=b/1", "x"].map(|document| grant.rights(document).to_string()), ["rw", ""]);
            let left = grant.expires().ok_or("it never expires")?.duration_since(SystemTime::now())?;
            assert!(left <= Duration::from_secs(7 * 86_400) && left > Duration::from_secs(7 * 86_400 - 60));

            let public = run(&["--key", file, "--public"]);
            match kind {
                Some(_) => assert!(!public?.ok_or("this is help")?.contains("\"d\"")),
                None => assert!(public.expect_err("a secret").to_string().contains("no public form")),
            }
        }
        let random = folder.path().join("random");
        run(&["--new-key", text(&random)?])?;
        assert_eq!(Key::load(&random)?.kid().len(), 8);
        Ok(())
    }

    #[test]
    fn wrong_arguments_say_what_is_wrong() -> Result<(), Failure> {
        let cases: [(&[&str], &str); 13] = [
            (&[], "--key FILE is missing"),
            (&["--key", "a", "--new-key", "b"], "exclude each other"),
            (&["--new-key", "a", "--subject", "ann"], "--new-key takes only"),
            (&["--new-key", "a", "--public"], "--new-key takes only"),
            (&["--key", "a", "--ed25519"], "require --new-key"),
            (&["--key", "a", "--public", "--valid", "1h"], "--public takes only"),
            (&["--key", "a", "--docs", "*=r"], "--subject NAME is missing"),
            (&["--key", "a", "--subject", "ann"], "--docs 'PATTERN=RIGHTS' is missing"),
            (&["--key", "a", "--docs", "board"], "--docs \"board\" has no rights"),
            (&["--key", "a", "--docs", "*=x"], "--docs \"*=x\": the rights \"x\" contain 'x'"),
            (&["--key", "a", "--docs", "*=r", "--docs", "*=w"], "the pattern \"*\" twice"),
            (&["--key", "a", "--valid", "1w"], "--valid is \"1w\""),
            (&["a"], "unexpected argument \"a\""),
        ];
        for (list, expected) in cases {
            let error = run(list).expect_err(expected).to_string();
            assert!(error.contains(expected), "{list:?}: {error}");
        }
        assert!(run(&["--key", "a", "--help"])?.is_none());
        let public = arguments(&mut lexopt::Parser::from_args(["--key", "a", "--public"]))?;
        assert!(matches!(public, Some(Options::Public { .. })));
        Ok(())
    }

    #[test]
    fn durations_have_a_unit() {
        for (text, expected) in [("30s", 30), ("15m", 900), ("1h", 3_600), ("7d", 604_800)] {
            assert_eq!(seconds(text), Ok(expected));
        }
        for text in ["", "h", "1", "0s", "-1h", "1.5h", "1 h", "1w", "1é", "18446744073709551615m"] {
            assert!(seconds(text).is_err(), "{text}");
        }
    }
}
