//! Tokens: what they claim, how they are verified, and how they are created.

use super::{Error, Key, Keys, crypto};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use jsonwebtoken::errors::{Error as TokenError, ErrorKind};
use jsonwebtoken::{Algorithm, Header, Validation};
use serde::{Deserialize, Serialize};
use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::fmt::{self, Write};
use std::str::FromStr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The maximum length of a token in bytes.
pub const MAX_TOKEN_BYTES: usize = 8 << 10;
/// The maximum number of patterns in the claims of a token.
pub const MAX_PATTERNS: usize = 1_000;
/// The maximum number of characters of an unknown `kid` in an error.
const MAX_SHOWN_CHARS: usize = 100;

/// What a subject may do with a document. The default is nothing. The text form has a letter for
/// each right, such as `rw`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Rights {
    /// `r`: read the document.
    pub read: bool,
    /// `w`: write events.
    pub write: bool,
    /// `m`: call mutators.
    pub mutate: bool,
    /// `p`: write entries of the store, such as presence.
    pub presence: bool,
    /// `a`: administer the document.
    pub admin: bool,
}

impl Rights {
    /// All rights.
    pub const ALL: Self = Self { read: true, write: true, mutate: true, presence: true, admin: true };

    /// Returns whether a document can be created with these rights.
    pub fn may_create(self) -> bool {
        self.write || self.mutate
    }
}

impl FromStr for Rights {
    type Err = Error;

    /// Parses letters in any order. No letters are no rights. Fails with [`Error::Letter`] if a
    /// letter is unknown.
    fn from_str(letters: &str) -> Result<Self, Error> {
        let mut rights = Self::default();
        for letter in letters.chars() {
            let right = match letter {
                'r' => &mut rights.read,
                'w' => &mut rights.write,
                'm' => &mut rights.mutate,
                'p' => &mut rights.presence,
                'a' => &mut rights.admin,
                _ => return Err(Error::Letter { letters: letters.to_owned(), letter }),
            };
            *right = true;
        }
        Ok(rights)
    }
}

impl fmt::Display for Rights {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { read, write, mutate, presence, admin } = *self;
        let letters = [(read, 'r'), (write, 'w'), (mutate, 'm'), (presence, 'p'), (admin, 'a')];
        letters.into_iter().filter(|(has, _)| *has).try_for_each(|(_, letter)| formatter.write_char(letter))
    }
}

/// The claims of a token. A token can contain others, such as `iss`, `aud` and `nbf`; they are
/// ignored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claims {
    /// The user or program. It is not empty.
    pub sub: String,
    /// When the token expires, in whole seconds since 1970 (UTC).
    pub exp: u64,
    /// The letters of the [`Rights`] for each pattern. A pattern that ends with `*` matches the
    /// names of documents that start with the text before the `*`. Another pattern matches one
    /// name.
    pub docs: BTreeMap<String, String>,
    /// A prefix: only events and entries of peers whose names start with it are accepted. Those of
    /// all peers if it is absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peers: Option<String>,
}

/// What a verified token grants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    subject: String,
    expires: Option<SystemTime>,
    /// By the whole name of a document.
    names: BTreeMap<String, Rights>,
    /// By the start of a name. The longest one is first.
    prefixes: Vec<(String, Rights)>,
    peers: Option<String>,
}

impl Grant {
    /// Returns all rights on all documents, without a subject and without an end. A server without
    /// keys uses it for all clients.
    pub fn anonymous() -> Self {
        let prefixes = vec![(String::new(), Rights::ALL)];
        Self { subject: String::new(), expires: None, names: BTreeMap::new(), prefixes, peers: None }
    }

    /// Returns the user or program. It is empty if the grant is [anonymous](Self::anonymous).
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// Returns the time at which the grant ends, or `None` if it does not end.
    pub fn expires(&self) -> Option<SystemTime> {
        self.expires
    }

    /// Returns the prefix of the names of peers whose events and entries are accepted, or `None` if
    /// those of all peers are accepted.
    pub fn peers(&self) -> Option<&str> {
        self.peers.as_deref()
    }

    /// Returns the rights for a document. The most specific pattern alone decides: the whole name,
    /// or else the longest prefix. Without a matching pattern there are no rights. Costs time in
    /// proportion to the number of patterns.
    pub fn rights(&self, document: &str) -> Rights {
        let longest = || self.prefixes.iter().find(|(prefix, _)| document.starts_with(prefix.as_str()));
        let rights = self.names.get(document).or_else(|| longest().map(|(_, rights)| rights));
        rights.copied().unwrap_or_default()
    }

    /// Checks claims. The error says what is wrong.
    fn from_claims(claims: Claims) -> Result<Self, String> {
        let Claims { sub: subject, exp, docs, peers } = claims;
        if subject.is_empty() {
            return Err("`sub` is empty; it must name the user or program".to_owned());
        }
        if docs.len() > MAX_PATTERNS {
            return Err(format!("`docs` has {} patterns; the maximum is {MAX_PATTERNS}", docs.len()));
        }
        let expires = UNIX_EPOCH.checked_add(Duration::from_secs(exp));
        let expires = expires.ok_or_else(|| format!("`exp` is {exp}, which is no time in seconds since 1970"))?;
        let (mut names, mut prefixes) = (BTreeMap::new(), Vec::new());
        for (pattern, letters) in docs {
            let rights = Rights::from_str(&letters).map_err(|error| format!("`docs`, pattern {pattern:?}: {error}"))?;
            if let Some(prefix) = pattern.strip_suffix('*') {
                prefixes.push((prefix.to_owned(), rights));
            } else {
                names.insert(pattern, rights);
            }
        }
        prefixes.sort_by_key(|(prefix, _)| Reverse(prefix.len()));
        Ok(Self { subject, expires: Some(expires), names, prefixes, peers })
    }
}

/// Why a token was refused. The messages contain nothing secret, so the client may see them.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Denial {
    /// There is no token.
    #[error("the token is missing; send one that was signed with a key of this server")]
    Missing,
    /// The token is too long, or not a JSON Web Token.
    #[error("the token is malformed: {0}")]
    Malformed(String),
    /// There is no key with the `kid` of the token.
    #[error("the token names the key {0:?}, which this server does not have; get a new token")]
    UnknownKey(String),
    /// The algorithm of the token is not that of its key.
    #[error("the algorithm of the token is not that of its key; use HS256 for a secret and EdDSA for Ed25519")]
    WrongAlgorithm,
    /// The signature is wrong.
    #[error("the signature of the token is wrong; sign the token with the key that it names")]
    BadSignature,
    /// The token has expired.
    #[error("the token has expired; get a new one")]
    Expired,
    /// A claim is missing or invalid.
    #[error("the claims of the token are not valid: {0}")]
    BadClaims(String),
}

impl From<TokenError> for Denial {
    /// Converts an error of a token whose header is valid.
    fn from(error: TokenError) -> Self {
        match error.kind() {
            ErrorKind::InvalidSignature => Self::BadSignature,
            ErrorKind::ExpiredSignature => Self::Expired,
            ErrorKind::InvalidAlgorithm | ErrorKind::UnsupportedAlgorithm => Self::WrongAlgorithm,
            ErrorKind::Json(error) => Self::BadClaims(error.to_string()),
            ErrorKind::MissingRequiredClaim(_) | ErrorKind::InvalidClaimFormat(_) => Self::BadClaims(error.to_string()),
            _ => Self::Malformed(error.to_string()),
        }
    }
}

/// The members of a token's header that choose its key.
#[derive(Deserialize)]
struct KeyChoice {
    alg: String,
    kid: Option<String>,
}

impl Keys {
    /// Verifies a token. Its key is the one that its `kid` names; a token without a `kid` is
    /// verified if there is exactly one key. The key alone decides the algorithm. The claims `sub`,
    /// `exp` and `docs` are required, and `exp` must be later than now.
    ///
    /// Without keys, every token is refused, and a missing one too. A server that accepts anonymous
    /// clients uses [`Grant::anonymous`] if [`is_empty`](Self::is_empty) is true.
    ///
    /// # Errors
    ///
    /// [`Denial`] says why the token was refused. A token of more than [`MAX_TOKEN_BYTES`] is
    /// refused unread.
    pub fn verify(&self, token: &str) -> Result<Grant, Denial> {
        match token.len() {
            0 => return Err(Denial::Missing),
            1..=MAX_TOKEN_BYTES => {}
            length => {
                let what = format!("it is {length} bytes long; the maximum is {MAX_TOKEN_BYTES}");
                return Err(Denial::Malformed(what));
            }
        }
        let key = self.key_of(token)?;
        crypto::install();
        let mut validation = Validation::new(key.algorithm());
        validation.leeway = 0;
        validation.validate_aud = false;
        validation.set_required_spec_claims(&["exp", "sub"]);
        let claims = jsonwebtoken::decode::<Claims>(token, &key.decoding()?, &validation)?.claims;
        let grant = Grant::from_claims(claims).map_err(Denial::BadClaims)?;
        // The validation accepts a token until the end of the second `exp`.
        match grant.expires {
            Some(expires) if expires <= SystemTime::now() => Err(Denial::Expired),
            _ => Ok(grant),
        }
    }

    /// Returns the key of a token, if the token names the algorithm of the key.
    fn key_of(&self, token: &str) -> Result<&Key, Denial> {
        let malformed = |what: &str| Denial::Malformed(what.to_owned());
        // Not the texts of errors: they can contain long values.
        let wrong_header = || malformed("its header is not a JSON object in base64url with texts `alg` and `kid`");
        let header = token.split('.').next().unwrap_or_default();
        let header = BASE64.decode(header).map_err(|_| wrong_header())?;
        let KeyChoice { alg, kid } = serde_json::from_slice(&header).map_err(|_| wrong_header())?;
        let key = match kid {
            Some(kid) => self.get(&kid).ok_or_else(|| Denial::UnknownKey(kid.chars().take(MAX_SHOWN_CHARS).collect())),
            None => self.only().ok_or_else(|| malformed("it has no `kid`, which is optional only if there is one key")),
        }?;
        // An unknown algorithm, such as `none`, does not parse.
        if alg.parse::<Algorithm>().ok() != Some(key.algorithm()) {
            return Err(Denial::WrongAlgorithm);
        }
        // Checks the rest of the header. `decode` would return the same error for it as for claims.
        let wrong_parts = |_| malformed("it does not consist of a valid header, claims and a signature");
        jsonwebtoken::decode_header(token).map_err(wrong_parts)?;
        Ok(key)
    }
}

/// Creates a token that is signed with `key` and names it.
///
/// # Errors
///
/// [`Error::NoPrivateKey`] if `key` is a public key; [`Error::Claims`] and [`Error::TooLong`] if
/// [`Keys::verify`] would refuse the token. A time in the past is no error.
pub fn mint(key: &Key, claims: &Claims) -> Result<String, Error> {
    Grant::from_claims(claims.clone()).map_err(Error::Claims)?;
    crypto::install();
    let mut header = Header::new(key.algorithm());
    header.kid = Some(key.kid().to_owned());
    let token = jsonwebtoken::encode(&header, claims, &key.encoding()?)?;
    if token.len() > MAX_TOKEN_BYTES { Err(Error::TooLong(token.len())) } else { Ok(token) }
}

#[cfg(test)]
mod tests {
    use super::{BASE64, Claims, Denial, Error, Grant, Key, Keys, MAX_PATTERNS, MAX_TOKEN_BYTES, Rights, mint};
    use base64::Engine;
    use ed25519_dalek::{Signer, SigningKey};
    use hmac::{Hmac, KeyInit, Mac};
    use serde_json::{Value, json};
    use sha2::Sha256;
    use std::collections::BTreeMap;
    use std::time::{Duration, SystemTime, UNIX_EPOCH};

    type Outcome = Result<(), Box<dyn std::error::Error>>;

    const SECRET: [u8; 32] = [7; 32];
    const SEED: [u8; 32] = [9; 32];

    /// Returns a secret `s`.
    fn secret() -> Result<Key, Error> {
        Key::from_json(&json!({ "kty": "oct", "kid": "s", "k": BASE64.encode(SECRET) }).to_string())
    }

    fn public() -> [u8; 32] {
        SigningKey::from_bytes(&SEED).verifying_key().to_bytes()
    }

    /// Returns a key pair `e`.
    fn pair() -> Result<Key, Error> {
        let (x, d) = (BASE64.encode(public()), BASE64.encode(SEED));
        Key::from_json(&json!({ "kty": "OKP", "crv": "Ed25519", "kid": "e", "x": x, "d": d }).to_string())
    }

    fn now() -> u64 {
        SystemTime::now().duration_since(UNIX_EPOCH).expect("it is later than 1970").as_secs()
    }

    fn claims(docs: &[(&str, &str)]) -> Claims {
        let docs = docs.iter().map(|(pattern, letters)| ((*pattern).to_owned(), (*letters).to_owned())).collect();
        Claims { sub: "ann".to_owned(), exp: now() + 60, docs, peers: Some("ann.".to_owned()) }
    }

    fn hs256(secret: &[u8], message: &[u8]) -> Vec<u8> {
        let mut mac = Hmac::<Sha256>::new_from_slice(secret).expect("every length is valid");
        mac.update(message);
        mac.finalize().into_bytes().to_vec()
    }

    fn eddsa(message: &[u8]) -> Vec<u8> {
        SigningKey::from_bytes(&SEED).sign(message).to_bytes().to_vec()
    }

    /// Creates a token by hand.
    fn forge(header: &Value, claims: &Value, sign: impl FnOnce(&[u8]) -> Vec<u8>) -> String {
        let message = format!("{}.{}", BASE64.encode(header.to_string()), BASE64.encode(claims.to_string()));
        format!("{message}.{}", BASE64.encode(sign(message.as_bytes())))
    }

    /// Creates a token by hand that the secret signs.
    fn signed(header: &Value, claims: &Value) -> String {
        forge(header, claims, |message| hs256(&SECRET, message))
    }

    #[test]
    fn tokens_of_both_kinds_are_verified() -> Outcome {
        let claims = claims(&[("board/*", "rw")]);
        let public = Key::from_json(&pair()?.public_json()?)?;
        for (key, verifier) in [(secret()?, secret()?), (pair()?, pair()?), (pair()?, public.clone())] {
            let grant = Keys::new([verifier])?.verify(&mint(&key, &claims)?)?;
            assert_eq!((grant.subject(), grant.peers()), ("ann", Some("ann.")));
            assert_eq!(grant.expires(), Some(UNIX_EPOCH + Duration::from_secs(claims.exp)));
            assert_eq!(grant.rights("board/1"), Rights { read: true, write: true, ..Rights::default() });
        }
        assert!(matches!(mint(&public, &claims), Err(Error::NoPrivateKey(kid)) if kid == "e"));
        Ok(())
    }

    #[test]
    fn tokens_of_other_programs_are_verified() -> Outcome {
        let later = now() + 60;
        let claims = json!({ "sub": "ann", "exp": later, "docs": {}, "iss": "app", "aud": "x", "nbf": later });
        let (both, one) = (Keys::new([secret()?, pair()?])?, Keys::new([secret()?])?);
        let token = signed(&json!({ "kid": "s", "alg": "HS256" }), &claims);
        assert_eq!(both.verify(&token)?.peers(), None);
        assert_eq!(both.verify(&forge(&json!({ "kid": "e", "alg": "EdDSA" }), &claims, eddsa))?.subject(), "ann");

        // Without a `kid`.
        let token = signed(&json!({ "alg": "HS256" }), &claims);
        assert_eq!(one.verify(&token)?.subject(), "ann");
        assert!(matches!(both.verify(&token), Err(Denial::Malformed(_))));
        assert!(matches!(Keys::default().verify(&token), Err(Denial::Malformed(_))));
        assert_eq!(Keys::default().verify(""), Err(Denial::Missing));
        Ok(())
    }

    #[test]
    fn forged_tokens_are_refused() -> Outcome {
        let keys = Keys::new([secret()?, pair()?])?;
        let claims = json!({ "sub": "ann", "exp": now() + 60, "docs": { "*": "r" } });
        let header = json!({ "alg": "HS256", "kid": "s" });
        let valid = signed(&header, &claims);
        assert!(keys.verify(&valid).is_ok());

        let with = |alg: &str, kid: &str| json!({ "alg": alg, "kid": kid });
        let admin = BASE64.encode(json!({ "sub": "ann", "exp": now() + 60, "docs": { "*": "rwmpa" } }).to_string());
        let parts: Vec<_> = valid.split('.').collect();
        let changed = format!("{}.{admin}.{}", parts[0], parts[2]);
        let confused = |message: &[u8]| hs256(&public(), message);
        for (what, token, expected) in [
            ("no algorithm", forge(&with("none", "s"), &claims, |_| Vec::new()), Denial::WrongAlgorithm),
            ("no algorithm, Ed25519", forge(&with("None", "e"), &claims, |_| Vec::new()), Denial::WrongAlgorithm),
            ("HS384", signed(&with("HS384", "s"), &claims), Denial::WrongAlgorithm),
            ("RS256", signed(&with("RS256", "s"), &claims), Denial::WrongAlgorithm),
            ("EdDSA for a secret", forge(&with("EdDSA", "s"), &claims, eddsa), Denial::WrongAlgorithm),
            ("the public key as a secret", forge(&with("HS256", "e"), &claims, confused), Denial::WrongAlgorithm),
            ("the same as EdDSA", forge(&with("EdDSA", "e"), &claims, confused), Denial::BadSignature),
            ("another secret", forge(&header, &claims, |message| hs256(&[8; 32], message)), Denial::BadSignature),
            ("no signature", forge(&header, &claims, |_| Vec::new()), Denial::BadSignature),
            ("zeros", forge(&with("EdDSA", "e"), &claims, |_| vec![0; 64]), Denial::BadSignature),
            ("changed claims", changed, Denial::BadSignature),
            ("unknown key", signed(&with("HS256", "x"), &claims), Denial::UnknownKey("x".to_owned())),
            ("nothing", String::new(), Denial::Missing),
        ] {
            assert_eq!(keys.verify(&token), Err(expected), "{what}");
        }
        Ok(())
    }

    #[test]
    fn expired_tokens_are_refused() -> Outcome {
        let keys = Keys::new([secret()?])?;
        for exp in [0, 1, now() - 1, now()] {
            let claims = Claims { exp, ..claims(&[]) };
            assert_eq!(keys.verify(&mint(&secret()?, &claims)?), Err(Denial::Expired), "{exp}");
        }
        Ok(())
    }

    #[test]
    fn invalid_claims_are_refused() -> Outcome {
        let keys = Keys::new([secret()?])?;
        let exp = now() + 60;
        for (claims, expected) in [
            (json!({ "sub": "ann", "docs": {} }), "missing field `exp`"),
            (json!({ "sub": "ann", "docs": {}, "exp": "later" }), "invalid type: string"),
            (json!({ "sub": "ann", "docs": {}, "exp": -1 }), "invalid value: integer `-1`"),
            (json!({ "sub": "ann", "docs": {}, "exp": u64::MAX }), "`exp` is 18446744073709551615"),
            (json!({ "docs": {}, "exp": exp }), "missing field `sub`"),
            (json!({ "sub": "", "docs": {}, "exp": exp }), "`sub` is empty"),
            (json!({ "sub": "ann", "exp": exp }), "missing field `docs`"),
            (json!({ "sub": "ann", "exp": exp, "docs": ["*"] }), "invalid type: sequence"),
            (json!({ "sub": "ann", "exp": exp, "docs": {}, "peers": 5 }), "invalid type: integer"),
            (
                json!({ "sub": "ann", "exp": exp, "docs": { "a*": "rx" } }),
                "`docs`, pattern \"a*\": the rights \"rx\" contain 'x'",
            ),
        ] {
            match keys.verify(&signed(&json!({ "alg": "HS256" }), &claims)) {
                Err(Denial::BadClaims(what)) => assert!(what.starts_with(expected), "{claims}: {what}"),
                other => panic!("{claims}: {other:?}"),
            }
        }
        Ok(())
    }

    #[test]
    fn malformed_tokens_are_refused() -> Outcome {
        let keys = Keys::new([secret()?])?;
        let claims = json!({ "sub": "ann", "exp": now() + 60, "docs": {} });
        let valid = signed(&json!({ "alg": "HS256" }), &claims);
        assert!(keys.verify(&valid).is_ok());
        let critical = json!({ "alg": "HS256", "crit": ["x"], "x": 1 });
        for token in [
            ".".to_owned(),
            "..".to_owned(),
            "not a token".to_owned(),
            format!("{valid}."),
            format!("{valid}="),
            format!(".{valid}"),
            format!("{valid}.{valid}"),
            valid.rsplit_once('.').map(|(message, _)| message.to_owned()).ok_or("no point")?,
            signed(&json!({}), &claims),
            signed(&json!("HS256"), &claims),
            signed(&json!({ "alg": 5 }), &claims),
            signed(&json!({ "alg": "HS256", "kid": 5 }), &claims),
            signed(&json!({ "alg": "HS256", "typ": 5 }), &claims),
            signed(&critical, &claims),
            "é".repeat(MAX_TOKEN_BYTES / 2),
        ] {
            let result = keys.verify(&token);
            assert!(matches!(result, Err(Denial::Malformed(_))), "{token}: {result:?}");
        }

        let padding = "A".repeat(MAX_TOKEN_BYTES + 1 - valid.len());
        let huge = valid + &padding;
        let expected = "it is 8193 bytes long; the maximum is 8192".to_owned();
        assert_eq!(keys.verify(&huge), Err(Denial::Malformed(expected)));
        let kid = "k".repeat(MAX_TOKEN_BYTES / 4);
        let token = signed(&json!({ "alg": "HS256", "kid": kid }), &claims);
        assert_eq!(keys.verify(&token), Err(Denial::UnknownKey("k".repeat(100))));
        Ok(())
    }

    #[test]
    fn the_most_specific_pattern_decides() -> Outcome {
        let patterns = [
            ("*", "r"),
            ("board/*", "rw"),
            ("board/1*", "p"),
            ("board/1", "rwm"),
            ("board/secret/*", ""),
            ("a*b", "a"),
            ("x**", "m"),
        ];
        let grant = Grant::from_claims(claims(&patterns))?;
        for (document, letters) in [
            ("", "r"),
            ("other", "r"),
            ("board", "r"),
            ("Board/1", "r"),
            ("board/", "rw"),
            ("board/2", "rw"),
            ("board/1", "rwm"),
            ("board/12", "p"),
            ("board/secret", "rw"),
            ("board/secret/", ""),
            ("board/secret/1", ""),
            ("a*b", "a"),
            ("a*bc", "r"),
            ("axb", "r"),
            ("x*", "m"),
            ("x*y", "m"),
            ("xy", "r"),
        ] {
            assert_eq!(grant.rights(document).to_string(), letters, "{document:?}");
        }
        let narrow = Grant::from_claims(claims(&[("board/1", "rwmpa")]))?;
        assert_eq!((narrow.rights("board/1"), narrow.rights("board/12")), (Rights::ALL, Rights::default()));
        let anonymous = Grant::anonymous();
        assert_eq!((anonymous.rights("any"), anonymous.subject()), (Rights::ALL, ""));
        assert_eq!((anonymous.expires(), anonymous.peers()), (None, None));
        Ok(())
    }

    #[test]
    fn rights_are_letters() -> Outcome {
        for (letters, expected) in [("", ""), ("r", "r"), ("apmwr", "rwmpa"), ("rrw", "rw")] {
            assert_eq!(letters.parse::<Rights>()?.to_string(), expected);
        }
        assert_eq!("rwmpa".parse::<Rights>()?, Rights::ALL);
        for letters in ["R", "r w", "rx", "*"] {
            assert!(matches!(letters.parse::<Rights>(), Err(Error::Letter { .. })), "{letters}");
        }
        Ok(())
    }

    #[test]
    fn claims_that_would_be_refused_are_not_signed() -> Outcome {
        let key = secret()?;
        let many = |count: usize| Claims {
            docs: (0..count).map(|number| (number.to_string(), "r".to_owned())).collect::<BTreeMap<_, _>>(),
            ..claims(&[])
        };
        assert!(Grant::from_claims(many(MAX_PATTERNS)).is_ok());
        assert!(matches!(mint(&key, &many(MAX_PATTERNS)), Err(Error::TooLong(length)) if length > MAX_TOKEN_BYTES));
        for claims in
            [many(MAX_PATTERNS + 1), claims(&[("*", "x")]), Claims { sub: String::new(), ..claims(&[("*", "r")]) }]
        {
            assert!(matches!(mint(&key, &claims), Err(Error::Claims(_))), "{claims:?}");
        }
        Ok(())
    }
}
