//! Who may call what: the table of routes as a reviewer reads it, and every route against every kind of caller.

mod matrix;
mod roles_matrix;
mod table;
