//! The URL of a server.

use crate::error::Error;

/// The URL of a server, such as `http://127.0.0.1:4747` or `wss://example.com/sync`. WebSockets
/// and HTTP use the same one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerUrl {
    is_secure: bool,
    /// The host, with an optional port.
    authority: String,
    /// The beginning of all paths, without a slash at the end.
    base: String,
}

impl ServerUrl {
    /// Parses a URL with the scheme `http`, `https`, `ws` or `wss`.
    ///
    /// # Errors
    ///
    /// [`Error::Url`] for other texts.
    pub fn parse(url: &str) -> Result<Self, Error> {
        let refuse = |why: &str| Err(Error::Url { url: url.to_owned(), why: why.to_owned() });
        let Some((scheme, rest)) = url.split_once("://") else {
            return refuse("it must start with http://, https://, ws:// or wss://");
        };
        let is_secure = match scheme {
            "http" | "ws" => false,
            "https" | "wss" => true,
            _ => return refuse("its scheme must be http, https, ws or wss"),
        };
        let (authority, base) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        if authority.is_empty() || authority.contains(['@', '?', '#']) || base.contains(['?', '#']) {
            return refuse("it must have a host, and neither a user, a query nor a fragment");
        }
        Ok(Self { is_secure, authority: authority.to_owned(), base: base.trim_end_matches('/').to_owned() })
    }

    /// Returns the URL of the server at an address, such as `127.0.0.1:4747`, without TLS.
    pub fn plain(address: &str) -> Self {
        Self { is_secure: false, authority: address.to_owned(), base: String::new() }
    }

    /// Returns the host and the port.
    pub(crate) fn address(&self) -> String {
        let has_port = self.authority.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
        match (has_port, self.is_secure) {
            (true, _) => self.authority.clone(),
            (false, true) => format!("{}:443", self.authority),
            (false, false) => format!("{}:80", self.authority),
        }
    }

    /// Returns the URL of a WebSocket.
    pub(crate) fn web_socket(&self, path: &str) -> String {
        let scheme = if self.is_secure { "wss" } else { "ws" };
        format!("{scheme}://{}{}{path}", self.authority, self.base)
    }

    /// Returns the URL of a request.
    pub(crate) fn http(&self, path: &str) -> String {
        let scheme = if self.is_secure { "https" } else { "http" };
        format!("{scheme}://{}{}{path}", self.authority, self.base)
    }
}

#[cfg(test)]
mod tests {
    use super::ServerUrl;

    #[test]
    fn urls_of_servers_are_parsed() {
        for (url, address, socket) in [
            ("http://127.0.0.1:4747", "127.0.0.1:4747", "ws://127.0.0.1:4747/x"),
            ("ws://localhost/", "localhost:80", "ws://localhost/x"),
            ("https://example.com/sync/", "example.com:443", "wss://example.com/sync/x"),
            ("wss://[::1]:8", "[::1]:8", "wss://[::1]:8/x"),
            ("wss://[::1]", "[::1]:443", "wss://[::1]/x"),
        ] {
            let parsed = ServerUrl::parse(url).ok();
            assert_eq!(
                parsed.as_ref().map(|url| (url.address(), url.web_socket("/x"))),
                Some((address.into(), socket.into()))
            );
        }
        for wrong in
            ["", "localhost:4747", "ftp://a", "http://", "http:///x", "http://u@h", "http://h/?q", "http://h#f"]
        {
            assert!(ServerUrl::parse(wrong).is_err(), "{wrong}");
        }
    }
}
