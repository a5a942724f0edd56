//! When a token has to be replaced.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// How long before its end a token is replaced, at most.
const MARGIN: Duration = Duration::from_secs(30);
/// The shortest time between two tokens.
const MIN_TIME: Duration = Duration::from_secs(1);

/// Returns after which time to replace a token: before it expires, but not in the first half of the
/// time that is left. `None` if it does not expire. The server checks the signature.
pub(crate) fn renewal(token: &str) -> Option<Duration> {
    let payload = URL_SAFE_NO_PAD.decode(token.split('.').nth(1)?).ok()?;
    let claims: serde_json::Value = serde_json::from_slice(&payload).ok()?;
    let expires = UNIX_EPOCH.checked_add(Duration::try_from_secs_f64(claims.get("exp")?.as_f64()?).ok()?)?;
    let left = expires.duration_since(SystemTime::now()).unwrap_or_default();
    Some((left / 2).max(left.saturating_sub(MARGIN)).max(MIN_TIME))
}

#[cfg(test)]
mod tests {
    use super::renewal;
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use std::time::{SystemTime, UNIX_EPOCH};

    #[test]
    fn a_token_is_replaced_before_it_expires() {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |now| now.as_secs());
        let renewal = |claims: String| renewal(&format!("a.{}.b", URL_SAFE_NO_PAD.encode(claims)));
        let seconds = |left: u64| renewal(format!("{{\"exp\": {}}}", now + left)).map(|time| time.as_secs());
        assert!(matches!(seconds(3_600), Some(3_568..=3_570)));
        assert!(matches!(seconds(40), Some(18..=20)));
        assert_eq!(seconds(0), Some(1));
        assert_eq!(renewal("{\"sub\": \"ann\"}".to_owned()), None);
        assert_eq!(super::renewal(""), None);
        assert_eq!(renewal("{\"exp\": 1e300}".to_owned()), None);
    }
}
