//! Tokens: how they are asked for, what they open, and how they end.

mod attacks;
mod bearer;
mod keys;
mod rotation;
