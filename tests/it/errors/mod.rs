//! What every operation answers to a request that is wrong in itself.

mod bodies;
mod hostile;
mod methods;
mod order;
mod paths;
mod request_id;
