//! The check on the wire: no body either way.

use serde::Deserialize;

use crate::names::AnyName;

/// What the caller must be permitted.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct CheckQuery {
    /// An action of the API, or one of the deployment's own (`x-…`). Left out, every signed-in caller who has
    /// access to the account is permitted.
    #[param(value_type = Option<String>)]
    pub action: Option<AnyName>,
    /// The account to act in; the caller's own if left out.
    #[param(value_type = Option<String>)]
    pub account: Option<AnyName>,
}
