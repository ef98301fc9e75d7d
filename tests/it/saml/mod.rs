//! Single sign-on by SAML 2.0. The identity provider here is one of the tests'; real ones and the corpus of hostile
//! answers are in `tests/saml`.

mod answers;
mod configurations;
mod grant;
mod login;
mod made_ahead;
mod mapping;
mod metadata;
mod pages;
mod races;
mod settings;
