//! The `kedge` program.

use std::process::ExitCode;

use clap::Parser;
use kedge::command::{Arguments, run};

#[tokio::main]
async fn main() -> ExitCode {
    run(Arguments::parse()).await
}
