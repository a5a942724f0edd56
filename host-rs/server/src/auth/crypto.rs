//! The algorithms that tokens may use: HS256 (HMAC with SHA-256) and EdDSA (Ed25519).
//!
//! jsonwebtoken takes its algorithms from a provider. The providers that it contains also support
//! RSA and ECDSA, which no token of converge uses. This one supports two algorithms, and fails for
//! all others.

use ed25519_dalek::{Signature, SigningKey, VerifyingKey};
use hmac::{Hmac, KeyInit, Mac};
use jsonwebtoken::crypto::{CryptoProvider, JwtSigner, JwtVerifier, KeyUtils};
use jsonwebtoken::errors::{Error, ErrorKind};
use jsonwebtoken::signature::{Error as SignatureError, Signer, Verifier};
use jsonwebtoken::{Algorithm, AlgorithmFamily, DecodingKey, EncodingKey};
use sha2::Sha256;

/// The bytes of a PKCS#8 file before the 32 bytes of an Ed25519 private key (RFC 8410, section 7).
const PKCS8_PREFIX: [u8; 16] = *b"\x30\x2e\x02\x01\x00\x30\x05\x06\x03\x2b\x65\x70\x04\x22\x04\x20";

static PROVIDER: CryptoProvider = CryptoProvider {
    signer_factory: signer,
    verifier_factory: verifier,
    // Functions for key sets and thumbprints use these. The placeholders of jsonwebtoken panic.
    key_utils: KeyUtils {
        rsa_pub_components_from_private_key: |_| Err(ErrorKind::UnsupportedAlgorithm.into()),
        rsa_pub_components_from_public_key: |_| Err(ErrorKind::UnsupportedAlgorithm.into()),
        ec_pub_components_from_private_key: |_, _| Err(ErrorKind::UnsupportedAlgorithm.into()),
        ed_pub_components_from_private_key: |_, _| Err(ErrorKind::UnsupportedAlgorithm.into()),
        compute_digest: |_, _| Err(ErrorKind::UnsupportedAlgorithm.into()),
    },
};

/// Makes these algorithms those of jsonwebtoken in this process, unless the process has a provider.
pub(super) fn install() {
    // Fails if there is a provider: this one after the first call, or one that the program chose.
    let _ = PROVIDER.install_default();
}

/// Returns an Ed25519 private key in the form that jsonwebtoken expects.
pub(super) fn ed25519_encoding_key(seed: &[u8; 32]) -> EncodingKey {
    EncodingKey::from_ed_der(&[PKCS8_PREFIX.as_slice(), seed.as_slice()].concat())
}

fn signer(algorithm: &Algorithm, key: &EncodingKey) -> Result<Box<dyn JwtSigner>, Error> {
    let signer: Box<dyn JwtSigner> = match (algorithm, key.family()) {
        (Algorithm::HS256, AlgorithmFamily::Hmac) => Box::new(Hs256::new(key.as_bytes())?),
        (Algorithm::EdDSA, AlgorithmFamily::Ed) => Box::new(EdSigner::new(key.as_bytes())?),
        _ => return Err(ErrorKind::UnsupportedAlgorithm.into()),
    };
    Ok(signer)
}

fn verifier(algorithm: &Algorithm, key: &DecodingKey) -> Result<Box<dyn JwtVerifier>, Error> {
    let bytes = key.try_get_as_bytes()?;
    let verifier: Box<dyn JwtVerifier> = match (algorithm, key.family()) {
        (Algorithm::HS256, AlgorithmFamily::Hmac) => Box::new(Hs256::new(bytes)?),
        (Algorithm::EdDSA, AlgorithmFamily::Ed) => Box::new(EdVerifier::new(bytes)?),
        _ => return Err(ErrorKind::UnsupportedAlgorithm.into()),
    };
    Ok(verifier)
}

struct Hs256(Hmac<Sha256>);

impl Hs256 {
    fn new(secret: &[u8]) -> Result<Self, Error> {
        let mac = Hmac::<Sha256>::new_from_slice(secret).map_err(|_| ErrorKind::InvalidKeyFormat)?;
        Ok(Self(mac))
    }

    fn mac_of(&self, message: &[u8]) -> Hmac<Sha256> {
        let mut mac = self.0.clone();
        mac.update(message);
        mac
    }
}

impl Signer<Vec<u8>> for Hs256 {
    fn try_sign(&self, message: &[u8]) -> Result<Vec<u8>, SignatureError> {
        Ok(self.mac_of(message).finalize().into_bytes().to_vec())
    }
}

impl Verifier<Vec<u8>> for Hs256 {
    fn verify(&self, message: &[u8], signature: &Vec<u8>) -> Result<(), SignatureError> {
        // Takes the same time for all wrong signatures of the right length.
        self.mac_of(message).verify_slice(signature).map_err(|_| SignatureError::new())
    }
}

impl JwtSigner for Hs256 {
    fn algorithm(&self) -> Algorithm {
        Algorithm::HS256
    }
}

impl JwtVerifier for Hs256 {
    fn algorithm(&self) -> Algorithm {
        Algorithm::HS256
    }
}

struct EdSigner(SigningKey);

impl EdSigner {
    fn new(pkcs8: &[u8]) -> Result<Self, Error> {
        let seed = pkcs8.strip_prefix(&PKCS8_PREFIX).and_then(|seed| <&[u8; 32]>::try_from(seed).ok());
        Ok(Self(SigningKey::from_bytes(seed.ok_or(ErrorKind::InvalidEddsaKey)?)))
    }
}

impl Signer<Vec<u8>> for EdSigner {
    fn try_sign(&self, message: &[u8]) -> Result<Vec<u8>, SignatureError> {
        let signature: Signature = self.0.try_sign(message)?;
        Ok(signature.to_bytes().to_vec())
    }
}

impl JwtSigner for EdSigner {
    fn algorithm(&self) -> Algorithm {
        Algorithm::EdDSA
    }
}

struct EdVerifier(VerifyingKey);

impl EdVerifier {
    fn new(public: &[u8]) -> Result<Self, Error> {
        let public = <&[u8; 32]>::try_from(public).map_err(|_| ErrorKind::InvalidEddsaKey)?;
        Ok(Self(VerifyingKey::from_bytes(public).map_err(|_| ErrorKind::InvalidEddsaKey)?))
    }
}

impl Verifier<Vec<u8>> for EdVerifier {
    fn verify(&self, message: &[u8], signature: &Vec<u8>) -> Result<(), SignatureError> {
        self.0.verify_strict(message, &Signature::from_slice(signature)?)
    }
}

impl JwtVerifier for EdVerifier {
    fn algorithm(&self) -> Algorithm {
        Algorithm::EdDSA
    }
}

#[cfg(test)]
mod tests {
    use super::{PROVIDER, ed25519_encoding_key, install, signer, verifier};
    use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
    use jsonwebtoken::crypto::{sign, verify};
    use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey};
    use std::error::Error;

    type Outcome = Result<(), Box<dyn Error>>;

    fn decode(text: &str) -> Vec<u8> {
        BASE64.decode(text).expect("the text is base64url")
    }

    #[test]
    fn eddsa_matches_rfc_8037() -> Outcome {
        install();
        let seed: [u8; 32] = decode("nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A").as_slice().try_into()?;
        let public = decode("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo");
        let message = b"eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc";
        let signature = "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg";
        assert_eq!(sign(message, &ed25519_encoding_key(&seed), Algorithm::EdDSA)?, signature);
        let key = DecodingKey::from_ed_der(&public);
        assert!(verify(signature, message, &key, Algorithm::EdDSA)?);
        assert!(!verify(signature, b"another message", &key, Algorithm::EdDSA)?);
        assert!(!verify(&signature[..84], message, &key, Algorithm::EdDSA)?);
        Ok(())
    }

    #[test]
    fn hs256_matches_rfc_7515() -> Outcome {
        install();
        let secret = decode("AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow");
        let message = concat!(
            "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.",
            "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ"
        )
        .as_bytes();
        let signature = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
        assert_eq!(sign(message, &EncodingKey::from_secret(&secret)?, Algorithm::HS256)?, signature);
        assert!(verify(signature, message, &DecodingKey::from_secret(&secret)?, Algorithm::HS256)?);
        assert!(!verify("dBjf", message, &DecodingKey::from_secret(&secret)?, Algorithm::HS256)?);
        Ok(())
    }

    #[test]
    fn other_algorithms_and_keys_are_errors() -> Outcome {
        let secret = DecodingKey::from_secret(&[7; 32])?;
        let private = EncodingKey::from_secret(&[7; 32])?;
        for algorithm in [
            Algorithm::HS384,
            Algorithm::HS512,
            Algorithm::ES256,
            Algorithm::ES384,
            Algorithm::RS256,
            Algorithm::PS512,
            Algorithm::EdDSA,
        ] {
            assert!(verifier(&algorithm, &secret).is_err() && signer(&algorithm, &private).is_err(), "{algorithm:?}");
        }
        assert!(verifier(&Algorithm::HS256, &DecodingKey::from_ed_der(&[7; 32])).is_err());
        assert!(signer(&Algorithm::HS256, &EncodingKey::from_ed_der(&[7; 48])).is_err());
        for length in [0, 31, 33, 64] {
            let bytes = vec![1; length];
            assert!(verifier(&Algorithm::EdDSA, &DecodingKey::from_ed_der(&bytes)).is_err(), "{length}");
            assert!(signer(&Algorithm::EdDSA, &EncodingKey::from_ed_der(&bytes)).is_err(), "{length}");
        }
        assert!((PROVIDER.key_utils.rsa_pub_components_from_public_key)(&[]).is_err());
        Ok(())
    }
}
