//! The console: pages for a browser, embedded into the program, and the sign-in that keeps its session in a cookie.
//!
//! What the pages do, they do by the operations of the API, signed in with an access token that they hold in memory: no
//! operation of the API looks at a cookie. [`files`] serves the pages, which stand in the folder `console/`;
//! [`session`] exchanges a password for the cookie and the cookie for access tokens; [`cookie`] and [`same_site`] are
//! what keeps other sites out.

pub mod cookie;
pub mod files;
pub mod same_site;
pub mod session;

use axum::{
    http::Method,
    routing::{delete, get, post},
};

use crate::{
    authz::access::Access,
    http::routes::{Body, Routes},
};

/// The doors of the console.
#[must_use]
pub fn routes(routes: Routes) -> Routes {
    let page = (Access::public(), Body::None);
    let json = (Access::public(), Body::SmallJson);
    routes
        .beside_the_api(page, (Method::GET, "/console"), None, get(files::page))
        .beside_the_api(page, (Method::GET, "/console/"), None, get(files::page))
        .beside_the_api(page, (Method::GET, "/console/{*page}"), None, get(files::page))
        .beside_the_api(page, (Method::GET, "/console/assets/{version}/{*file}"), None, get(files::asset))
        .beside_the_api(json, (Method::POST, "/console/session"), Some("sign_in_to_console"), post(session::begin))
        .beside_the_api(json, (Method::POST, "/console/session/token"), None, post(session::token))
        .beside_the_api(page, (Method::DELETE, "/console/session"), Some("sign_out_of_console"), delete(session::end))
}
