//! The older API: V2's operations under `/v1/`, with the bodies that the predecessor answered when it was called.
//!
//! What an operation does is tested where V2's is; here is what V1 adds to it.

mod document;
mod errors;
mod life;
mod shapes;
mod table;
mod token;
