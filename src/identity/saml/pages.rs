//! The pages of a sign-in: what a browser is shown on its way to the console. They hold text and links, and load
//! nothing.

use axum::{
    http::{HeaderName, header},
    response::{Html, IntoResponse, Response},
};

use crate::{
    console::cookie,
    error::{Error, Result},
    secret::Secret,
    state::App,
};

const HEADERS: [(HeaderName, &str); 4] = [
    (header::CACHE_CONTROL, "no-store"),
    (header::CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'"),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
];

/// Goes on to the console, signed in. What comes by a POST from another site is not sent cookies of the strict kind,
/// and neither is where it is redirected to; a page that navigates on is.
///
/// # Errors
/// A token that no header can hold, of which there are none.
pub fn landing(app: &App, path: &str, session: &Secret) -> Result<Response> {
    let path = escaped(path);
    let content = format!(
        "<meta http-equiv=\"refresh\" content=\"0;url={path}\"><p><a href=\"{path}\">Continue to the console</a>"
    );
    let mut response = page("Signed in", &content);
    response.headers_mut().append(header::SET_COOKIE, cookie::begun(app, session)?);
    Ok(response)
}

/// What the error says, with its status and headers.
#[must_use]
pub fn refusal(error: Error) -> Response {
    let content = format!("<p>{}<p><a href=\"/console/\">Back to sign-in</a>", escaped(&error.message()));
    let (page, body) = page("Not signed in", &content).into_parts();
    let mut response = error.into_response();
    response.headers_mut().extend(page.headers);
    *response.body_mut() = body;
    response
}

fn page(title: &str, content: &str) -> Response {
    let page = format!("<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>{title}</title>{content}");
    (HEADERS, Html(page)).into_response()
}

fn escaped(text: &str) -> String {
    let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    text.replace('"', "&quot;").replace('\'', "&#39;")
}

#[cfg(test)]
mod tests {
    use axum::{body::to_bytes, http::StatusCode};

    use super::*;

    async fn text_of(error: Error) -> (StatusCode, String) {
        let (parts, body) = refusal(error).into_parts();
        let body = to_bytes(body, usize::MAX).await.unwrap();
        (parts.status, String::from_utf8(body.to_vec()).unwrap())
    }

    #[tokio::test]
    async fn words_of_others_are_text() {
        let (status, text) = text_of(Error::Refused("<script>\"&'".to_owned())).await;
        assert_eq!(status, StatusCode::BAD_REQUEST);
        assert!(text.contains("<p>&lt;script&gt;&quot;&amp;&#39;<p>"), "{text}");
    }

    #[tokio::test]
    async fn cause_that_is_for_the_log_is_not_shown() {
        for error in [Error::internal("secret"), Error::Unavailable("secret"), Error::unauthenticated("secret")] {
            let (status, message) = (error.status(), error.message());
            let (told, text) = text_of(error).await;
            assert_eq!(told, status);
            assert!(text.contains(&message) && !text.contains("secret"), "{text}");
        }
    }
}
