//! What a request carries, as types that cannot be wrong; what is wrong answers a problem naming the field.

use axum::{
    body::Bytes,
    extract::{FromRequest, FromRequestParts, Path as AxumPath, Query as AxumQuery, Request},
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header, request::Parts},
};
use http_body_util::BodyExt;
use serde::{
    Deserialize, Deserializer,
    de::{DeserializeOwned, Error as _, value::StringDeserializer},
};

use super::{
    Json,
    guard::{Cut, TOO_LONG},
    routes::Body,
};
use crate::{
    error::{Error, Result},
    names::{AnyName, shown},
};

/// Refuses a body of the wrong media type or of a length that is told to be too large, before any of it is read.
///
/// # Errors
/// 415 or 413; 400 for two media types.
pub fn admit(body: Body, headers: &HeaderMap) -> Result<()> {
    let Some(limit) = body.limit() else { return Ok(()) };
    let is_of_form = matches!(body, Body::Form(_));
    if is_of_form && !is_announced(headers) {
        return Ok(());
    }
    let (expected, is_expected): (_, fn(&str) -> bool) =
        if is_of_form { (FORM, is_form) } else { ("application/json", is_json) };
    let media_type = single(headers, &header::CONTENT_TYPE)?.and_then(|value| value.to_str().ok()).unwrap_or_default();
    if !is_expected(media_type) {
        let given = if media_type.is_empty() { "none" } else { media_type };
        let detail = format!("Content-Type must be {expected}, given: {}", shown(given));
        return Err(Error::Transport { status: StatusCode::UNSUPPORTED_MEDIA_TYPE, detail });
    }
    if length(headers).is_some_and(|length| length > limit) {
        return Err(too_large(limit));
    }
    Ok(())
}

/// The value of a header that can only be given once.
///
/// # Errors
/// 400 where it is given twice, whatever the values: which of them counts would be a guess.
pub fn single<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Result<Option<&'a HeaderValue>> {
    let mut values = headers.get_all(name).iter();
    let first = values.next();
    if values.next().is_some() {
        return Err(Error::malformed(name.as_str(), "is given more than once"));
    }
    Ok(first)
}

fn length(headers: &HeaderMap) -> Option<usize> {
    headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok())
}

/// Whether the headers speak of a body (RFC 9112, 6.3), or of the type of one.
fn is_announced(headers: &HeaderMap) -> bool {
    headers.contains_key(header::CONTENT_TYPE)
        || headers.contains_key(header::TRANSFER_ENCODING)
        || length(headers).is_some_and(|length| length > 0)
}

const FORM: &str = "application/x-www-form-urlencoded";

fn is_form(media_type: &str) -> bool {
    media_type.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case(FORM)
}

/// `application/json`, or a type built on it (`+json`), with or without parameters.
fn is_json(media_type: &str) -> bool {
    let essence = media_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    essence == "application/json" || (essence.starts_with("application/") && essence.ends_with("+json"))
}

fn too_large(limit: usize) -> Error {
    let detail = format!("The request body has more than {limit} bytes");
    Error::Transport { status: StatusCode::PAYLOAD_TOO_LARGE, detail }
}

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Json<T> {
    type Rejection = Error;

    async fn from_request(request: Request, _state: &S) -> Result<Self> {
        let bytes = read(request.into_body()).await?;
        // Every body of the contract is an object; serde would take its properties from an array, too.
        if bytes.trim_ascii_start().starts_with(b"[") {
            return Err(Error::malformed("body", "must be an object"));
        }
        // Checked here, since `serde_json` passes over the bytes of a property that is ignored.
        let text = std::str::from_utf8(&bytes).map_err(|error| not_json(&error))?;
        let mut parser = serde_json::Deserializer::from_str(text);
        let value = serde_path_to_error::deserialize(&mut parser).map_err(wrong_body)?;
        parser.end().map_err(|error| not_json(&error))?;
        Ok(Self(value))
    }
}

/// A body that is a list of objects, as one of the contract is.
#[derive(Debug)]
pub struct JsonList<T>(pub Vec<T>);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for JsonList<T> {
    type Rejection = Error;

    async fn from_request(request: Request, _state: &S) -> Result<Self> {
        let bytes = read(request.into_body()).await?;
        let text = std::str::from_utf8(&bytes).map_err(|error| not_json(&error))?;
        let mut parser = serde_json::Deserializer::from_str(text);
        let items: Vec<serde_json::Map<String, serde_json::Value>> =
            serde_path_to_error::deserialize(&mut parser).map_err(wrong_body)?;
        parser.end().map_err(|error| not_json(&error))?;
        let items = items.into_iter().map(|item| serde_path_to_error::deserialize(serde_json::Value::Object(item)));
        Ok(Self(items.collect::<Result<_, _>>().map_err(wrong_body)?))
    }
}

/// All of a body, which the guard has bounded.
///
/// # Errors
/// 413, 400 for one that breaks off, 503 for one that is late.
pub async fn read(body: axum::body::Body) -> Result<Bytes> {
    Ok(body.collect().await.map_err(|error| unreadable(&error))?.to_bytes())
}

pub(super) fn unreadable(error: &axum::Error) -> Error {
    match cut(error) {
        Some(Cut::Late) => TOO_LONG,
        Some(Cut::TooLarge(limit)) => too_large(*limit),
        None => {
            let detail = "The request body ended before it was complete".to_owned();
            Error::Transport { status: StatusCode::BAD_REQUEST, detail }
        }
    }
}

/// The [`Cut`] that the error was made of.
fn cut<'a>(error: &'a (dyn std::error::Error + 'static)) -> Option<&'a Cut> {
    error.downcast_ref().or_else(|| error.source().and_then(cut))
}

fn wrong_body(error: serde_path_to_error::Error<serde_json::Error>) -> Error {
    let path = error.path().to_string();
    let inner = error.into_inner();
    if inner.is_data() {
        let field = if path == "." { "body".to_owned() } else { path };
        return Error::malformed(field, inner.to_string());
    }
    not_json(&inner)
}

fn not_json(error: &dyn std::error::Error) -> Error {
    let detail = format!("Request body is not valid JSON: {error}");
    Error::Transport { status: StatusCode::BAD_REQUEST, detail }
}

/// Tells a property or parameter that is given from one that is left out.
pub fn given<'de, T: Deserialize<'de>, D: Deserializer<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

/// The parameters of the path, percent-decoded once.
#[derive(Debug)]
pub struct Path<T>(pub T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Path<T> {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self> {
        let path = AxumPath::<T>::from_request_parts(parts, state).await;
        path.map(|AxumPath(value)| Self(value)).map_err(|error| Error::malformed("path", error.body_text()))
    }
}

/// The parameters of the query. Unknown ones are ignored, one that is given twice is refused.
#[derive(Debug)]
pub struct Query<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Query<T> {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self> {
        let query = AxumQuery::<T>::from_request_parts(parts, state).await;
        query.map(|AxumQuery(value)| Self(value)).map_err(|error| Error::malformed("query", error.body_text()))
    }
}

/// The values of a query parameter that may be given several times (`name=a&name=b`).
///
/// # Errors
/// 400 for a value that nothing can be looked up by.
pub fn repeated(query: Option<&str>, name: &str) -> Result<Vec<AnyName>> {
    let pairs = form_urlencoded::parse(query.unwrap_or_default().as_bytes());
    let values = pairs.filter(|(key, _)| key == name).map(|(_, value)| AnyName::parse(value.into_owned()));
    values.collect::<Result<_, _>>().map_err(|why| Error::malformed(name, why.to_string()))
}

/// The names in a query parameter that is a list with commas and may be given several times (`name=a,b&name=c`).
///
/// # Errors
/// 400 for a value that nothing can be looked up by.
pub fn listed(query: Option<&str>, name: &str) -> Result<Vec<AnyName>> {
    let lists = repeated(query, name)?;
    let names = lists.iter().flat_map(|list| list.as_str().split(','));
    let names = names.map(|name| AnyName::parse(name.to_owned()));
    names.collect::<Result<_, _>>().map_err(|why| Error::malformed(name, why.to_string()))
}

/// A property that a body may carry and that is not the caller's to set: any value is taken and none is kept.
#[derive(Debug, Default)]
pub struct ReadOnly;

impl<'de> Deserialize<'de> for ReadOnly {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        serde::de::IgnoredAny::deserialize(deserializer).map(|_| Self).map_err(D::Error::custom)
    }
}

/// Reads an enum from a string and nothing else: serde would take `{"disabled": null}` for `"disabled"`, and
/// `serde_json` calls any other type a syntax error, which names no property.
pub fn word<'de, T: Deserialize<'de>, D: Deserializer<'de>>(deserializer: D) -> Result<T, D::Error> {
    let text = String::deserialize(deserializer)?;
    T::deserialize(StringDeserializer::<D::Error>::new(text))
}

/// As [`word`], for a property that may be left out or null.
pub fn optional_word<'de, T: Deserialize<'de>, D: Deserializer<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    let text = Option::<String>::deserialize(deserializer)?;
    text.map(|text| T::deserialize(StringDeserializer::<D::Error>::new(text))).transpose()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use axum::body::Body as HttpBody;
    use futures_util::stream;
    use tokio::time::Instant;

    use super::*;
    use crate::http::guard::bounded;

    const LIMIT: usize = 100_000;

    #[tokio::test]
    async fn body_that_is_late_is_told_as_the_end_of_the_operations_time_is() {
        let never = HttpBody::from_stream(stream::pending::<std::io::Result<Bytes>>());
        let refused = read(bounded(never, LIMIT, Instant::now())).await.unwrap_err();
        assert!(matches!(refused, Error::Unavailable(_)), "{refused:?}");
        let broken = HttpBody::from_stream(stream::iter([Err::<Bytes, _>(std::io::Error::other("hung up"))]));
        let refused = read(bounded(broken, LIMIT, Instant::now())).await.unwrap_err();
        assert!(matches!(refused, Error::Transport { status: StatusCode::BAD_REQUEST, .. }), "{refused:?}");
    }

    #[tokio::test]
    async fn body_has_at_most_the_bytes_that_it_may() {
        let soon = || Instant::now() + Duration::from_mins(1);
        let body = || HttpBody::from(vec![b'a'; 10]);
        assert_eq!(read(bounded(body(), 10, soon())).await.unwrap().len(), 10);
        let refused = read(bounded(body(), 9, soon())).await.unwrap_err();
        assert!(matches!(refused, Error::Transport { status: StatusCode::PAYLOAD_TOO_LARGE, .. }), "{refused:?}");
    }
}
