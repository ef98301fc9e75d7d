//! The check on the wire: no body either way.

use serde::Deserialize;

use crate::names::AnyName;

/// What the caller must be permitted.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct CheckQuery {
    /// An action of the API or of the deployment's own (`x-…`). Left out, whoever is signed in will do.
    #[param(value_type = Option<String>)]
    pub action: Option<AnyName>,
    /// The account that it is asked for in; the caller's own where it is left out.
    #[param(value_type = Option<String>)]
    pub account: Option<AnyName>,
}
