//! The names a request may be addressed to, and the pages it may come from.
//!
//! A page anywhere on the web can make a browser on this machine call a loopback port, under a name it controls (DNS
//! rebinding). So `Host` must be ours, and `Origin`, where a browser sends it, must be the very host that is addressed.

use std::net::IpAddr;

use axum::http::{
    HeaderMap, StatusCode, Uri,
    header::{HOST, HeaderName, ORIGIN},
    uri::Authority,
};

use crate::problem::Problem;

/// Which hosts a listener answers for.
#[derive(Debug)]
pub(crate) struct HostRule {
    names: Vec<String>,
    own_address: Option<IpAddr>,
}

impl HostRule {
    /// `names`: accepted besides loopback, without a port. `own_address`: where the listener is bound, unless everywhere.
    pub fn new(names: Vec<String>, own_address: Option<IpAddr>) -> Self {
        Self { names: names.iter().map(|name| name.trim().to_ascii_lowercase()).collect(), own_address }
    }

    /// Refuses a request that is addressed to another host (421) or comes from a foreign page (403).
    pub fn check(&self, uri: &Uri, headers: &HeaderMap) -> Result<(), Problem> {
        let host = only_value(headers, &HOST).map_err(|()| misdirected("several Host headers were sent; send one"))?;
        let host = host.ok_or_else(|| misdirected("no Host header was sent; send `Host: localhost`"))?;
        let authority = self.known(host)?;
        if let Some(target) = uri.authority() {
            self.known(target.as_str())?;
        }
        match only_value(headers, &ORIGIN) {
            Ok(None) => Ok(()),
            Ok(Some(origin)) if same_origin(origin, &authority) => Ok(()),
            _ => Err(Problem::forbidden(format!(
                "pages of another origin may not call Wakeman; open it under http://{authority} itself"
            ))),
        }
    }

    fn known(&self, host: &str) -> Result<Authority, Problem> {
        let authority = parse_authority(host).ok_or_else(|| misdirected("the Host header is not a host and a port"))?;
        if self.serves(authority.host()) {
            return Ok(authority);
        }
        Err(misdirected(format!(
            "Wakeman does not answer for \"{}\"; call it as localhost or 127.0.0.1, or add the name to its allowed hosts",
            authority.host()
        )))
    }

    fn serves(&self, host: &str) -> bool {
        let host = host.to_ascii_lowercase();
        let address: Option<IpAddr> = host.trim_start_matches('[').trim_end_matches(']').parse().ok();
        match address {
            Some(ip) if is_loopback(ip) || self.own_address == Some(ip) => true,
            _ => host == "localhost" || self.names.contains(&host),
        }
    }
}

fn misdirected(detail: impl Into<String>) -> Problem {
    Problem::new(StatusCode::MISDIRECTED_REQUEST, detail)
}

fn is_loopback(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => ip.is_loopback(),
        IpAddr::V6(ip) => ip.is_loopback() || ip.to_ipv4_mapped().is_some_and(|ip| ip.is_loopback()),
    }
}

/// The value of a header that may be sent once at most; `Err` when it was sent more often or is not text.
fn only_value<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Result<Option<&'a str>, ()> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(value), None) => value.to_str().map(Some).map_err(|_| ()),
        _ => Err(()),
    }
}

/// `host` or `host:port`, with nothing else around it.
fn parse_authority(text: &str) -> Option<Authority> {
    let authority: Authority = text.parse().ok()?;
    let rest = text.strip_prefix(authority.host())?;
    let port_fits = rest.is_empty() || authority.port_u16().is_some_and(|port| rest == format!(":{port}"));
    (port_fits && !authority.host().is_empty()).then_some(authority)
}

/// Whether `origin` is the scheme, host and port that `host` addresses, with the scheme's usual port left out or not.
fn same_origin(origin: &str, host: &Authority) -> bool {
    let (usual_port, rest) = match origin.split_once("://") {
        Some(("http", rest)) => (80, rest),
        Some(("https", rest)) => (443, rest),
        _ => return false,
    };
    let port = |authority: &Authority| authority.port_u16().unwrap_or(usual_port);
    parse_authority(rest).is_some_and(|page| page.host().eq_ignore_ascii_case(host.host()) && port(&page) == port(host))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(rule: &HostRule, uri: &str, headers: &[(HeaderName, &str)]) -> u16 {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(name, value.parse().unwrap());
        }
        rule.check(&uri.parse().unwrap(), &map).err().map_or(200, |problem| problem.status().as_u16())
    }

    #[test]
    fn a_host_is_loopback_the_own_address_or_listed() {
        let rule = HostRule::new(vec!["Watch.Example".into()], Some("10.0.0.5".parse().unwrap()));
        let ours = [
            "localhost",
            "LOCALHOST:6900",
            "127.0.0.1",
            "127.0.0.1:6900",
            "127.8.8.8:1",
            "[::1]",
            "[::1]:6900",
            "[::ffff:127.0.0.1]:6900",
            "watch.example",
            "WATCH.example:443",
            "10.0.0.5:6900",
        ];
        let foreign = [
            "evil.example",
            "localhost.evil.example",
            "127.0.0.1.evil.example",
            "watch.example.evil",
            "10.0.0.6",
            "0.0.0.0",
            "[::2]:6900",
            "user@localhost",
            "localhost:",
            "localhost:x",
            "localhost:99999",
            "localhost/",
            "",
            "127.1",
            "xn--localhost",
        ];
        for host in ours {
            assert_eq!(status(&rule, "/healthz", &[(HOST, host)]), 200, "{host}");
        }
        for host in foreign {
            assert_eq!(status(&rule, "/healthz", &[(HOST, host)]), 421, "{host}");
        }
    }

    #[test]
    fn a_host_is_sent_once() {
        let rule = HostRule::new(Vec::new(), None);
        assert_eq!(status(&rule, "/", &[]), 421);
        assert_eq!(status(&rule, "/", &[(HOST, "localhost"), (HOST, "localhost")]), 421);
        assert_eq!(status(&rule, "http://evil.example/", &[(HOST, "localhost")]), 421);
        assert_eq!(status(&rule, "http://localhost/", &[(HOST, "localhost")]), 200);
    }

    #[test]
    fn an_origin_is_the_host_that_is_addressed() {
        let rule = HostRule::new(vec!["watch.example".into()], None);
        let cases = [
            ("localhost:6900", "http://localhost:6900", 200),
            ("localhost:6900", "http://LOCALHOST:6900", 200),
            ("[::1]:6900", "http://[::1]:6900", 200),
            ("watch.example", "https://watch.example", 200),
            ("watch.example:443", "https://watch.example", 200),
            ("localhost", "http://localhost:80", 200),
            ("localhost:6900", "http://localhost:3000", 403),
            ("localhost:6900", "http://localhost", 403),
            ("localhost:6900", "http://127.0.0.1:6900", 403),
            ("localhost:6900", "https://evil.example", 403),
            ("localhost:6900", "http://localhost:6900.evil.example", 403),
            ("localhost:6900", "http://localhost:6900/", 403),
            ("localhost:6900", "file://localhost:6900", 403),
            ("localhost:6900", "null", 403),
            ("localhost:6900", "", 403),
        ];
        for (host, origin, want) in cases {
            assert_eq!(status(&rule, "/", &[(HOST, host), (ORIGIN, origin)]), want, "{origin} calling {host}");
        }
        let twice = [(HOST, "localhost"), (ORIGIN, "http://localhost"), (ORIGIN, "http://localhost")];
        assert_eq!(status(&rule, "/", &twice), 403);
        assert_eq!(status(&rule, "/", &[(HOST, "evil.example"), (ORIGIN, "null")]), 421, "the host comes first");
    }
}
