//! What stands before every request: who may ask, and what every answer says to the browser.

use super::{WebState, api};
use axum::{
    extract::{Request, State},
    http::{
        HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri,
        header::{
            CACHE_CONTROL, CONTENT_SECURITY_POLICY, HOST, ORIGIN, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
            X_FRAME_OPTIONS,
        },
        uri::Authority,
    },
    middleware::Next,
    response::Response,
};
use std::net::IpAddr;

/// Nothing inline, nothing from elsewhere, nobody's frame.
const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self'; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const HEADERS: [(HeaderName, HeaderValue); 5] = [
    (CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY)),
    (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
    (REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (CACHE_CONTROL, HeaderValue::from_static("no-store")),
];

pub(super) async fn guard(State(state): State<WebState>, request: Request, next: Next) -> Response {
    let mut response = match refusal(request.uri(), request.method(), request.headers(), &state.config.load().hosts) {
        Some((reason, error)) => {
            state.metrics.web_refused(reason);
            api::fault(request.uri().path(), StatusCode::FORBIDDEN, error)
        }
        None => next.run(request).await,
    };
    for (name, value) in HEADERS {
        response.headers_mut().insert(name, value);
    }
    state.metrics.web_request(response.status().as_u16());
    response
}

/// Why a request is refused: the reason for the metric, and the sentence for the client.
fn refusal(uri: &Uri, method: &Method, headers: &HeaderMap, hosts: &[String]) -> Option<(&'static str, &'static str)> {
    let mut asked = headers.get_all(HOST).iter();
    let (host, more) = (asked.next().and_then(|host| host.to_str().ok()), asked.next());
    // A request line with a whole address names the host too, and outranks the header (RFC 9112 section 3.2.2).
    let host = uri.authority().map(Authority::as_str).or(host);
    if more.is_some() || !host.is_some_and(|host| is_ours(host, hosts)) {
        return Some(("host", "This host name is not among the configured ones; add it to `hosts` in `[web]`."));
    }
    let reads = matches!(*method, Method::GET | Method::HEAD);
    let origin = headers.get(ORIGIN).map(HeaderValue::to_str);
    let same = match (origin, host) {
        (None, _) => true,
        (Some(Ok(origin)), Some(host)) => {
            let asked = origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://"));
            asked.is_some_and(|asked| asked.eq_ignore_ascii_case(host))
        }
        (Some(_), _) => false,
    };
    if reads || same { None } else { Some(("origin", "A page of another site may not ask for this.")) }
}

/// A name that another site could have pointed at this machine (DNS rebinding) is none of ours: an address cannot be.
fn is_ours(host: &str, hosts: &[String]) -> bool {
    let name = without_port(host);
    let address = name.strip_prefix('[').and_then(|inner| inner.strip_suffix(']')).unwrap_or(name);
    address.parse::<IpAddr>().is_ok()
        || name.eq_ignore_ascii_case("localhost")
        || hosts.iter().any(|ours| ours.eq_ignore_ascii_case(name) || ours.eq_ignore_ascii_case(host))
}

fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port))
            if !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit()) && !ends_open(name) =>
        {
            name
        }
        _ => host,
    }
}

/// Whether the colon stood inside the brackets of an IPv6 address.
fn ends_open(name: &str) -> bool {
    name.starts_with('[') && !name.ends_with(']')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(HeaderName, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(name, HeaderValue::from_static(value));
        }
        headers
    }

    #[test]
    fn only_addresses_and_configured_names_are_ours() {
        let hosts = ["ccxwatch.example".to_owned()];
        for ours in
            ["127.0.0.1", "127.0.0.1:9914", "[::1]", "[::1]:9914", "localhost", "LocalHost:1", "ccxwatch.example:80"]
        {
            assert!(is_ours(ours, &hosts), "{ours}");
        }
        for foreign in
            ["", "evil.example", "localhost.evil.example", "127.0.0.1.nip.io", "[::1", "::1:x", "ccxwatch.example."]
        {
            assert!(!is_ours(foreign, &hosts), "{foreign}");
        }
    }

    #[test]
    fn a_request_names_one_host() {
        let ask =
            |pairs: &[(HeaderName, &'static str)]| refusal(&Uri::from_static("/"), &Method::GET, &headers(pairs), &[]);
        assert_eq!(ask(&[(HOST, "127.0.0.1")]), None);
        assert!(ask(&[]).is_some());
        assert!(ask(&[(HOST, "127.0.0.1"), (HOST, "evil.example")]).is_some());
        let absolute = Uri::from_static("http://evil.example/");
        assert!(refusal(&absolute, &Method::GET, &headers(&[(HOST, "127.0.0.1")]), &[]).is_some());
    }

    #[test]
    fn only_our_own_page_may_change_anything() {
        let ask = |method, origin| {
            refusal(&Uri::from_static("/"), &method, &headers(&[(HOST, "127.0.0.1:9914"), (ORIGIN, origin)]), &[])
        };
        assert_eq!(ask(Method::POST, "http://127.0.0.1:9914"), None);
        for foreign in ["http://evil.example", "null", "http://127.0.0.1:80", "http://127.0.0.1:9914.evil.example"] {
            assert!(ask(Method::POST, foreign).is_some(), "{foreign}");
            assert_eq!(ask(Method::GET, foreign), None, "reading is the browser's to refuse");
        }
    }
}
