//! Whether a page of our own asks: besides the cookie that other sites cannot send, and the JSON and the header that
//! they would have to ask leave for, what the browser says of where the request comes from.

use axum::{
    extract::FromRequestParts,
    http::{HeaderMap, HeaderName, header, request::Parts},
};

use crate::{authz::policy::Denial, error::Error, state::App};

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
const X_REQUESTED_WITH: HeaderName = HeaderName::from_static("x-requested-with");

/// A request of the console's pages, which had to say so: a form or a link of another site cannot.
#[derive(Clone, Copy, Debug)]
pub struct OwnPage;

impl FromRequestParts<App> for OwnPage {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Error> {
        let authority = parts.uri.authority().map(ToString::to_string);
        if is_own(&parts.headers, authority.as_deref(), app.config.server.external_url()) {
            Ok(Self)
        } else {
            Err(Denial::OtherSite.into())
        }
    }
}

/// Each of the headers may be missing, since not every client is a browser of today, but for the one that a page can
/// only send to its own site; none may speak of another site.
///
/// The page's origin is the URL that Kedge is configured with, or the host that is asked: a proxy may name another one.
fn is_own(headers: &HeaderMap, authority: Option<&str>, external_url: &str) -> bool {
    let text = |name: &HeaderName| headers.get(name).map(|value| value.to_str().unwrap_or_default());
    let host = authority.or_else(|| text(&header::HOST)).unwrap_or_default();
    let is_asked = |origin: &str| origin.split_once("://").is_some_and(|(_, place)| place.eq_ignore_ascii_case(host));
    text(&X_REQUESTED_WITH) == Some("kedge-console")
        && text(&SEC_FETCH_SITE).is_none_or(|site| site == "same-origin")
        && text(&header::ORIGIN).is_none_or(|origin| is_asked(origin) || origin.eq_ignore_ascii_case(external_url))
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn asked(pairs: &[(&'static str, &'static str)]) -> bool {
        let header = |&(name, value): &(&'static str, &'static str)| {
            (HeaderName::from_static(name), HeaderValue::from_static(value))
        };
        is_own(&pairs.iter().map(header).collect(), None, "https://outside.test")
    }

    #[test]
    fn only_a_page_of_ours_is_believed() {
        let own = ("x-requested-with", "kedge-console");
        let host = ("host", "kedge.test:8228");
        let origin = ("origin", "https://kedge.test:8228");
        for pairs in [
            vec![own],
            vec![own, host, origin],
            vec![own, host, origin, ("sec-fetch-site", "same-origin")],
            vec![own, host, ("origin", "https://outside.test")],
        ] {
            assert!(asked(&pairs), "{pairs:?}");
        }
        for pairs in [
            vec![],
            vec![host, origin],
            vec![("x-requested-with", "XMLHttpRequest"), host, origin],
            vec![own, host, ("origin", "https://evil.test")],
            vec![own, host, ("origin", "https://kedge.test")],
            vec![own, host, ("origin", "http://outside.test")],
            vec![own, host, ("origin", "null")],
            vec![own, ("sec-fetch-site", "same-site")],
            vec![own, ("sec-fetch-site", "cross-site")],
            vec![own, ("sec-fetch-site", "none")],
        ] {
            assert!(!asked(&pairs), "{pairs:?}");
        }
    }
}
