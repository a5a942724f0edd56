//! Keys that sign and verify tokens, as JSON Web Keys (RFC 7517 and RFC 8037).

use super::{Error, crypto};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use ed25519_dalek::{SigningKey, VerifyingKey};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey};
use serde::Deserialize;
use serde_json::json;
use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::path::Path;

/// The minimum length in bytes of an HS256 secret: that of its hash (RFC 7518, section 3.2).
const MIN_SECRET_BYTES: usize = 32;

/// A key that verifies tokens and, unless it is a public key, signs them.
#[derive(Clone)]
pub struct Key {
    kid: String,
    kind: Kind,
}

#[derive(Clone)]
enum Kind {
    /// A secret of at least [`MIN_SECRET_BYTES`] bytes.
    Hs256(Vec<u8>),
    /// A valid public key, and the private key if it is known.
    Ed25519 { public: [u8; 32], seed: Option<[u8; 32]> },
}

/// The members of a JSON Web Key that matter here. Others are ignored.
#[derive(Deserialize)]
struct Jwk {
    kty: Option<String>,
    crv: Option<String>,
    kid: Option<String>,
    alg: Option<String>,
    k: Option<String>,
    x: Option<String>,
    d: Option<String>,
}

impl Key {
    /// Parses a key from its JSON: `{"kty":"oct","kid":"…","alg":"HS256","k":"…"}` with a secret of
    /// at least 32 bytes, or
    /// `{"kty":"OKP","crv":"Ed25519","kid":"…","alg":"EdDSA","x":"…","d":"…"}` with a public key
    /// and, to sign tokens, a private key. Binary values are base64url without padding. `alg` is
    /// optional; it must be the one shown here.
    ///
    /// # Errors
    ///
    /// [`Error::Key`] says what is wrong. The message contains no part of a secret.
    pub fn from_json(text: &str) -> Result<Self, Error> {
        let jwk: Jwk = serde_json::from_str(text).map_err(|error| {
            // Not the text of the error: it can contain values.
            let (line, column) = (error.line(), error.column());
            invalid(format!("expected a JSON object with text members; see line {line}, column {column}"))
        })?;
        let kty = jwk.kty.as_deref().ok_or_else(|| invalid("`kty` is missing; it is oct or OKP"))?;
        let (kind, alg) = match kty {
            "oct" => (jwk.secret()?, "HS256"),
            "OKP" => (jwk.pair()?, "EdDSA"),
            other => return Err(invalid(format!("`kty` is {other:?}; the supported ones are oct and OKP"))),
        };
        match jwk.alg {
            Some(other) if other != alg => {
                Err(invalid(format!("`alg` is {other:?}; the one for the `kty` {kty:?} is {alg}")))
            }
            _ => Self::new(jwk.kid.unwrap_or_default(), kind),
        }
    }

    /// Reads a key from a file that contains its JSON; see [`Key::from_json`].
    ///
    /// # Errors
    ///
    /// [`Error::Io`] if the file cannot be read; [`Error::File`] if it contains no valid key.
    pub fn load(path: impl AsRef<Path>) -> Result<Self, Error> {
        let path = path.as_ref();
        let text = fs::read_to_string(path).map_err(|source| Error::Io { path: path.to_owned(), source })?;
        Self::from_json(&text).map_err(|error| Error::File { path: path.to_owned(), source: Box::new(error) })
    }

    /// Creates a random HS256 secret.
    ///
    /// # Errors
    ///
    /// [`Error::Key`] if `kid` is empty; [`Error::Random`] if the system has no random numbers.
    pub fn generate_hs256(kid: impl Into<String>) -> Result<Self, Error> {
        Self::new(kid.into(), Kind::Hs256(random::<MIN_SECRET_BYTES>()?.to_vec()))
    }

    /// Creates a random Ed25519 key pair.
    ///
    /// # Errors
    ///
    /// [`Error::Key`] if `kid` is empty; [`Error::Random`] if the system has no random numbers.
    pub fn generate_ed25519(kid: impl Into<String>) -> Result<Self, Error> {
        let seed = random()?;
        let public = SigningKey::from_bytes(&seed).verifying_key().to_bytes();
        Self::new(kid.into(), Kind::Ed25519 { public, seed: Some(seed) })
    }

    fn new(kid: String, kind: Kind) -> Result<Self, Error> {
        if kid.is_empty() {
            return Err(invalid("`kid` is missing or empty; add a name that no other key has"));
        }
        Ok(Self { kid, kind })
    }

    /// Returns the name of the key. A token names its key by it.
    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// Returns the JSON of the key with its secret part, if that is known.
    pub fn to_json(&self) -> String {
        let kid = &self.kid;
        match &self.kind {
            Kind::Hs256(secret) => json!({ "kty": "oct", "kid": kid, "alg": "HS256", "k": BASE64.encode(secret) }),
            Kind::Ed25519 { public, seed: None } => public_jwk(kid, public),
            Kind::Ed25519 { public, seed: Some(seed) } => {
                let mut jwk = public_jwk(kid, public);
                jwk["d"] = BASE64.encode(seed).into();
                jwk
            }
        }
        .to_string()
    }

    /// Returns the JSON of an Ed25519 key without its private part. It verifies tokens, and cannot
    /// sign them.
    ///
    /// # Errors
    ///
    /// [`Error::NoPublicForm`] if this is an HS256 secret.
    pub fn public_json(&self) -> Result<String, Error> {
        match &self.kind {
            Kind::Hs256(_) => Err(Error::NoPublicForm(self.kid.clone())),
            Kind::Ed25519 { public, .. } => Ok(public_jwk(&self.kid, public).to_string()),
        }
    }

    /// Returns the algorithm of all tokens that this key signs.
    pub(super) fn algorithm(&self) -> Algorithm {
        match self.kind {
            Kind::Hs256(_) => Algorithm::HS256,
            Kind::Ed25519 { .. } => Algorithm::EdDSA,
        }
    }

    /// Returns the key for verifying.
    pub(super) fn decoding(&self) -> Result<DecodingKey, jsonwebtoken::errors::Error> {
        match &self.kind {
            Kind::Hs256(secret) => DecodingKey::from_secret(secret),
            Kind::Ed25519 { public, .. } => Ok(DecodingKey::from_ed_der(public)),
        }
    }

    /// Returns the key for signing.
    pub(super) fn encoding(&self) -> Result<EncodingKey, Error> {
        match &self.kind {
            Kind::Hs256(secret) => Ok(EncodingKey::from_secret(secret)?),
            Kind::Ed25519 { seed: Some(seed), .. } => Ok(crypto::ed25519_encoding_key(seed)),
            Kind::Ed25519 { seed: None, .. } => Err(Error::NoPrivateKey(self.kid.clone())),
        }
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = formatter.debug_struct("Key");
        debug.field("kid", &self.kid).field("algorithm", &self.algorithm()).finish_non_exhaustive()
    }
}

impl Jwk {
    fn secret(&self) -> Result<Kind, Error> {
        let secret = decode("k", self.k.as_deref())?.ok_or_else(|| invalid("`k` is missing; it is the secret"))?;
        match secret.len() {
            MIN_SECRET_BYTES.. => Ok(Kind::Hs256(secret)),
            length => Err(invalid(format!("`k` has {length} bytes; the minimum is {MIN_SECRET_BYTES}"))),
        }
    }

    fn pair(&self) -> Result<Kind, Error> {
        match self.crv.as_deref() {
            Some("Ed25519") => {}
            Some(other) => return Err(invalid(format!("`crv` is {other:?}; the supported one is Ed25519"))),
            None => return Err(invalid("`crv` is missing; the supported one is Ed25519")),
        }
        let public = decode_32("x", self.x.as_deref())?;
        let public = public.ok_or_else(|| invalid("`x` is missing; it is the public key"))?;
        if !VerifyingKey::from_bytes(&public).is_ok_and(|key| !key.is_weak()) {
            return Err(invalid("`x` is not a public key of Ed25519; create the key again"));
        }
        let seed = decode_32("d", self.d.as_deref())?;
        if seed.is_some_and(|seed| SigningKey::from_bytes(&seed).verifying_key().to_bytes() != public) {
            return Err(invalid("`x` is not the public key of `d`; create the key again"));
        }
        Ok(Kind::Ed25519 { public, seed })
    }
}

/// The keys of a server. The default has none.
#[derive(Debug, Clone, Default)]
pub struct Keys(BTreeMap<String, Key>);

impl Keys {
    /// Creates a set of keys.
    ///
    /// # Errors
    ///
    /// [`Error::DuplicateKid`] if two keys have the same `kid`.
    pub fn new(keys: impl IntoIterator<Item = Key>) -> Result<Self, Error> {
        let mut by_kid = BTreeMap::new();
        for key in keys {
            if let Some(other) = by_kid.insert(key.kid.clone(), key) {
                return Err(Error::DuplicateKid(other.kid));
            }
        }
        Ok(Self(by_kid))
    }

    /// Returns whether there are no keys.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the key with this `kid`.
    pub(super) fn get(&self, kid: &str) -> Option<&Key> {
        self.0.get(kid)
    }

    /// Returns the key if there is exactly one.
    pub(super) fn only(&self) -> Option<&Key> {
        self.0.values().next().filter(|_| self.0.len() == 1)
    }
}

/// Returns eight random letters, as the `kid` of a new key.
///
/// # Errors
///
/// [`Error::Random`] if the system has no random numbers.
pub fn random_kid() -> Result<String, Error> {
    Ok(random::<8>()?.iter().map(|byte| char::from(b'a' + byte % 26)).collect())
}

fn random<const LENGTH: usize>() -> Result<[u8; LENGTH], Error> {
    let mut bytes = [0; LENGTH];
    getrandom::fill(&mut bytes)?;
    Ok(bytes)
}

fn public_jwk(kid: &str, public: &[u8]) -> serde_json::Value {
    json!({ "kty": "OKP", "crv": "Ed25519", "kid": kid, "alg": "EdDSA", "x": BASE64.encode(public) })
}

fn decode(name: &str, value: Option<&str>) -> Result<Option<Vec<u8>>, Error> {
    let bytes = value.map(|text| BASE64.decode(text)).transpose();
    // Not the text of the error: it contains a byte of the value.
    bytes.map_err(|_| invalid(format!("`{name}` is not base64url without padding")))
}

fn decode_32(name: &str, value: Option<&str>) -> Result<Option<[u8; 32]>, Error> {
    let Some(bytes) = decode(name, value)? else { return Ok(None) };
    let wrong_length = |bytes: Vec<u8>| invalid(format!("`{name}` has {} bytes; Ed25519 keys have 32", bytes.len()));
    <[u8; 32]>::try_from(bytes).map(Some).map_err(wrong_length)
}

fn invalid(what: impl Into<String>) -> Error {
    Error::Key(what.into())
}

#[cfg(test)]
mod tests {
    use super::{Error, Key, Keys, random_kid};
    use std::fs;

    /// RFC 8037, appendix A.1.
    const PRIVATE: &str = r#"{"kty":"OKP","crv":"Ed25519","kid":"rfc","alg":"EdDSA",
        "d":"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;
    const SECRET: &str = "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow";

    #[test]
    fn keys_keep_their_json() -> Result<(), Error> {
        let secret = Key::from_json(&format!(r#"{{"kty":"oct","kid":"1","k":"{SECRET}","use":"sig"}}"#))?;
        let pair = Key::from_json(PRIVATE)?;
        for key in [&secret, &pair, &Key::generate_hs256("a")?, &Key::generate_ed25519("b")?] {
            let again = Key::from_json(&key.to_json())?;
            assert_eq!((again.kid(), again.to_json()), (key.kid(), key.to_json()));
            let printed = format!("{key:?}");
            assert!(printed.len() < 60 && printed.contains(key.kid()), "{printed}");
        }
        assert!(secret.to_json().contains(SECRET));
        assert!(matches!(secret.public_json(), Err(Error::NoPublicForm(kid)) if kid == "1"));

        let public = Key::from_json(&pair.public_json()?)?;
        assert!(!public.to_json().contains("\"d\"") && pair.to_json().contains("\"d\""));
        assert_eq!(public.to_json(), pair.public_json()?);
        assert!(matches!(public.encoding(), Err(Error::NoPrivateKey(kid)) if kid == "rfc"));
        Ok(())
    }

    #[test]
    fn invalid_keys_say_what_is_wrong() {
        let zeros = "A".repeat(43);
        let cases = [
            ("", "expected a JSON object with text members; see line 1, column 0"),
            ("\"secret\"", "expected a JSON object"),
            (r#"{"kty":5}"#, "expected a JSON object"),
            ("{}", "`kty` is missing; it is oct or OKP"),
            (r#"{"kty":"RSA","kid":"1"}"#, r#"`kty` is "RSA"; the supported ones are oct and OKP"#),
            (r#"{"kty":"oct","kid":"1"}"#, "`k` is missing"),
            (r#"{"kty":"oct","kid":"1","k":"c2VjcmV0"}"#, "`k` has 6 bytes; the minimum is 32"),
            (r#"{"kty":"oct","kid":"1","k":"c2VjcmV0=="}"#, "`k` is not base64url without padding"),
            (r#"{"kty":"oct","k":"SECRET"}"#, "`kid` is missing or empty"),
            (r#"{"kty":"oct","kid":"","k":"SECRET"}"#, "`kid` is missing or empty"),
            (r#"{"kty":"oct","kid":"1","alg":"HS512","k":"SECRET"}"#, r#"`alg` is "HS512"; the one for"#),
            (r#"{"kty":"oct","kid":"1","alg":"EdDSA","k":"SECRET"}"#, r#"`alg` is "EdDSA"; the one for"#),
            (r#"{"kty":"OKP","kid":"1"}"#, "`crv` is missing"),
            (r#"{"kty":"OKP","crv":"X25519","kid":"1"}"#, r#"`crv` is "X25519"; the supported one is Ed25519"#),
            (r#"{"kty":"OKP","crv":"Ed25519","kid":"1"}"#, "`x` is missing"),
            (r#"{"kty":"OKP","crv":"Ed25519","kid":"1","x":"c2VjcmV0"}"#, "`x` has 6 bytes; Ed25519 keys have 32"),
            // A point of low order.
            (r#"{"kty":"OKP","crv":"Ed25519","kid":"1","x":"ZEROS"}"#, "`x` is not a public key of Ed25519"),
        ];
        for (json, expected) in cases {
            let result = Key::from_json(&json.replace("SECRET", SECRET).replace("ZEROS", &zeros));
            let message = result.expect_err(json).to_string();
            assert!(message.starts_with(&format!("invalid key: {expected}")), "{json}: {message}");
        }
        let mixed = Key::from_json(&PRIVATE.replace("nWGx", "aWGx")).expect_err("d does not fit").to_string();
        assert!(mixed.contains("`x` is not the public key of `d`"), "{mixed}");
        let short = Key::from_json(&PRIVATE.replace("nWGx", "")).expect_err("d is short").to_string();
        assert!(short.contains("`d` has 29 bytes"), "{short}");
    }

    #[test]
    fn errors_name_the_file() {
        let folder = tempfile::tempdir().expect("a temporary folder can be created");
        let path = folder.path().join("key.json");
        assert!(matches!(Key::load(&path), Err(Error::Io { path: named, .. }) if named == path));
        fs::write(&path, "{}").expect("the file can be written");
        let message = Key::load(&path).expect_err("the key has no kty").to_string();
        assert!(message.contains("key.json: invalid key: `kty` is missing"), "{message}");
        fs::write(&path, PRIVATE).expect("the file can be written");
        assert_eq!(Key::load(&path).expect("the key is valid").kid(), "rfc");
    }

    #[test]
    fn kids_are_unique() -> Result<(), Error> {
        let (a, b) = (Key::generate_hs256("a")?, Key::generate_ed25519("b")?);
        assert!(Keys::default().is_empty() && Keys::new([])?.only().is_none());
        assert!(!Keys::new([a.clone()])?.is_empty());
        assert_eq!(Keys::new([a.clone()])?.only().map(Key::kid), Some("a"));
        let both = Keys::new([a.clone(), b])?;
        assert!(both.only().is_none() && both.get("b").is_some() && both.get("c").is_none());
        let twice = Keys::new([a, Key::generate_ed25519("a")?]);
        assert!(matches!(twice, Err(Error::DuplicateKid(kid)) if kid == "a"));

        assert!(matches!(Key::generate_hs256(""), Err(Error::Key(_))));
        let kid = random_kid()?;
        assert!(kid.len() == 8 && kid.bytes().all(|byte| byte.is_ascii_lowercase()), "{kid}");
        Ok(())
    }
}
