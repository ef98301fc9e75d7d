//! The pages and what they are made of, from the folder `console/`.
//!
//! All files but the pages stand under a path that names their content, so a browser keeps them for ever and a new
//! version of the program is loaded whole. A file that is not in [`FILES`] is not served; a test compares the two.

use std::sync::LazyLock;

use axum::{
    body::Bytes,
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri, header},
    response::{IntoResponse, Response},
};
use sha2::{Digest, Sha256};

use crate::{error::Error, http::extract::Path};

/// A file of the folder `console/`.
struct File {
    name: &'static str,
    content: &'static [u8],
}

/// The files, by their names in the folder.
macro_rules! files {
    ($($name:literal),* $(,)?) => {
        [$(File { name: $name, content: include_bytes!(concat!("../../console/", $name)) }),*]
    };
}

static FILES: [File; FILE_COUNT] = files![
    "accounts.js",
    "api.css",
    "api.js",
    "app.css",
    "app.js",
    "audit.js",
    "client.js",
    "dialogs.js",
    "dom.js",
    "favicon.svg",
    "groups.js",
    "keys.js",
    "names.js",
    "parts.js",
    "password.js",
    "rights.js",
    "roles.js",
    "session.js",
    "sign-in.js",
    "single-sign-on.js",
    "users.js",
    "vendor/swagger-ui-bundle.js.gz",
    "vendor/swagger-ui.css.gz",
];
const FILE_COUNT: usize = 23;

/// The page, and the page of the API browser. `{assets}` stands for where the files are.
const PAGE: &str = include_str!("../../console/index.html");
const API_PAGE: &str = include_str!("../../console/api.html");

/// Nothing from elsewhere, nothing inline, no text that becomes markup, in no frame.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; \
     base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'",
);
/// The same for the API browser, whose style has pictures in it and which makes markup of the document's descriptions.
const API_POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; \
     form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
);

/// What all files together are known by.
static VERSION: LazyLock<String> = LazyLock::new(|| {
    let mut hash = Sha256::new();
    for File { name, content } in &FILES {
        hash.update(name.as_bytes());
        hash.update(content);
    }
    short(&hash.finalize())
});

/// The first 16 digits of a hash.
fn short(hash: &[u8]) -> String {
    let first: Option<&[u8; 8]> = hash.first_chunk();
    format!("{:016x}", first.copied().map_or(0, u64::from_be_bytes))
}

/// A page: one for every path, since the scripts look at the path, but for the API browser.
///
/// # Errors
/// None in fact.
pub async fn page(uri: Uri, headers: HeaderMap) -> Result<Response, Error> {
    let (page, policy) = if uri.path() == "/console/api" { (API_PAGE, API_POLICY) } else { (PAGE, POLICY) };
    let page = page.replace("{assets}", &format!("/console/assets/{}", *VERSION));
    let tag = format!("\"{}\"", short(&Sha256::digest(page.as_bytes())));
    let known = headers.get(header::IF_NONE_MATCH).is_some_and(|known| *known == tag);
    let mut response = if known { StatusCode::NOT_MODIFIED.into_response() } else { page.into_response() };
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    headers.insert(header::ETAG, HeaderValue::from_str(&tag).map_err(Error::internal)?);
    headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    Ok(guarded(response))
}

/// What a page is made of.
///
/// # Errors
/// 404 for another version, or a file that is none.
pub async fn asset(Path((version, name)): Path<(String, String)>) -> Result<Response, Error> {
    const NOT_FOUND: Error = Error::NotFound { what: "File" };
    let file = FILES.iter().find(|file| file.name.strip_suffix(".gz").unwrap_or(file.name) == name);
    let file = file.filter(|_| version == *VERSION).ok_or(NOT_FOUND)?;
    let mut response = Bytes::from_static(file.content).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, media_type(&name));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=31536000, immutable"));
    if file.name != name {
        // Every browser reads it; nothing else needs these files.
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    Ok(guarded(response))
}

fn media_type(name: &str) -> HeaderValue {
    HeaderValue::from_static(match name.rsplit('.').next() {
        Some("js") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("svg") => "image/svg+xml",
        _ => "application/octet-stream",
    })
}

fn guarded(mut response: Response) -> Response {
    const OTHERS: [(HeaderName, HeaderValue); 4] = [
        (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
        (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
        (HeaderName::from_static("cross-origin-opener-policy"), HeaderValue::from_static("same-origin")),
        (HeaderName::from_static("cross-origin-resource-policy"), HeaderValue::from_static("same-origin")),
    ];
    response.headers_mut().extend(OTHERS);
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_of_the_folder_is_served() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/console");
        let names = |folder: &str, before: &str| {
            let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
            let files = entries.filter(|entry| entry.file_type().unwrap().is_file());
            files.map(|file| format!("{before}{}", file.file_name().to_str().unwrap())).collect::<Vec<_>>()
        };
        let mut found = names(folder, "");
        found.extend(names(&format!("{folder}/vendor"), "vendor/"));
        found.retain(|name| !["index.html", "api.html"].contains(&name.as_str()) && !name.contains("LICENSE"));
        found.sort();
        assert_eq!(found, FILES.iter().map(|file| file.name).collect::<Vec<_>>());
    }

    #[test]
    fn nothing_is_loaded_from_elsewhere_and_nothing_is_inline() {
        for page in [PAGE, API_PAGE] {
            for part in page.split(['"', '\'', ' ', '>']) {
                assert!(!part.contains("//"), "{part}");
            }
            assert!(!page.contains("<style") && !page.contains(" style=") && !page.contains(" on"));
            assert!(page.split("<script").skip(1).all(|tag| tag.contains(" src=") && tag.contains("></script>")));
        }
    }
}
