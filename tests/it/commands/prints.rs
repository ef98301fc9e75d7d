//! The commands that only print or ask.

use std::process::Stdio;

use tokio::{io::AsyncWriteExt, net::TcpSocket};

use super::Setup;

const COMMANDS: [&str; 8] = ["serve", "migrate", "openapi", "healthcheck", "config", "man", "completions", "admin"];
const ADMIN_COMMANDS: [&str; 3] = ["reset-password", "rotate-signing-key", "verify-audit"];

#[tokio::test]
async fn printed_document_is_the_committed_one_byte_for_byte() {
    let ended = Setup::private().run(&["openapi"]).await;
    assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""), "{ended:?}");
    let committed = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/openapi/v2.json"));
    assert!(ended.out == committed, "run: kedge openapi > openapi/v2.json");

    let ended = Setup::private().run(&["openapi", "--v1"]).await;
    assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""), "{ended:?}");
    let committed = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/openapi/v1.json"));
    assert!(ended.out == committed, "run: kedge openapi --v1 > openapi/v1.json");
}

#[tokio::test]
async fn help_names_every_command_and_every_short_variable() {
    let ended = Setup::private().run(&["--help"]).await;
    assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""), "{ended:?}");
    for command in COMMANDS {
        let starts = |line: &str| line.strip_prefix("  ").is_some_and(|line| line.starts_with(command));
        assert!(ended.out.lines().any(starts), "{command}: {}", ended.out);
    }
    let names = ["CONFIG", "LISTEN", "DATABASE_URL", "DATA_DIR", "ADMIN_PASSWORD", "LOG"];
    let more = ["SERVER__EXTERNAL_URL", "DATABASE_URL_FILE", "ADMIN_PASSWORD_FILE"];
    for name in names.iter().chain(&more) {
        let shown = regex::Regex::new(&format!(r"\bKEDGE_{name}\b")).unwrap();
        assert!(shown.is_match(&ended.out), "{name}: {}", ended.out);
    }
}

#[tokio::test]
async fn version_is_that_of_the_package_with_its_commit() {
    for option in ["--version", "-V"] {
        let ended = Setup::private().run(&[option]).await;
        let commit = ended.out.strip_prefix(concat!("kedge ", env!("CARGO_PKG_VERSION"), " (commit "));
        let commit = commit.and_then(|rest| rest.strip_suffix(")\n")).unwrap_or_else(|| panic!("{ended:?}"));
        assert!(ended.code == Some(0) && !commit.is_empty() && !commit.contains(['(', ')', '\n']), "{ended:?}");
    }
}

#[tokio::test]
async fn completions_are_read_by_the_shell_and_know_every_command() {
    // Without a configuration, and whatever is wrong with it: a package is made where none is.
    let setup = Setup::private().with("KEDGE_LISTN", "wrong");
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let ended = setup.run(&["completions", shell]).await;
        assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""), "{ended:?}");
        for command in COMMANDS.iter().chain(&ADMIN_COMMANDS) {
            assert!(ended.out.contains(command), "{shell}: {command}");
        }
    }
    let script = setup.run(&["completions", "bash"]).await.out;
    let complete =
        r#"source /dev/stdin; COMP_WORDS=(kedge ad) COMP_CWORD=1; _kedge kedge ad kedge; echo "${COMPREPLY[*]}""#;
    let mut bash = tokio::process::Command::new("bash");
    bash.args(["--norc", "-euc", complete]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut bash = bash.spawn().unwrap();
    bash.stdin.take().unwrap().write_all(script.as_bytes()).await.unwrap();
    let output = bash.wait_with_output().await.unwrap();
    let said = (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
    assert_eq!(said, ("admin\n".to_owned(), String::new()));

    let unknown = setup.run(&["completions", "tcsh"]).await;
    assert_eq!((unknown.code, unknown.out.as_str()), (Some(2), ""), "{unknown:?}");
}

#[tokio::test]
async fn manual_page_has_every_command_option_and_variable() {
    let ended = Setup::private().with("KEDGE_LISTN", "wrong").run(&["man"]).await;
    assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""), "{ended:?}");
    let page = ended.out.replace("\\-", "-");
    assert!(page.contains(concat!("\n.TH kedge 1 \" \" \"kedge ", env!("CARGO_PKG_VERSION"))), "{page}");
    let sections: Vec<_> = page.lines().filter_map(|line| line.strip_prefix(".SH ")).collect();
    assert_eq!(sections, ["NAME", "SYNOPSIS", "DESCRIPTION", "OPTIONS", "COMMANDS", "ENVIRONMENT"]);
    let alone = COMMANDS.iter().filter(|command| **command != "admin").map(ToString::to_string);
    for command in alone.chain(ADMIN_COMMANDS.map(|command| format!("admin {command}"))) {
        assert!(page.contains(&format!("\\fBkedge {command}\\fR")), "{command}: {page}");
    }
    for part in ["--config", "--v1", "--password-stdin", "USERNAME", "KEDGE_DATABASE_URL_FILE"] {
        assert!(page.contains(part), "{part}: {page}");
    }
}

#[tokio::test]
async fn healthcheck_succeeds_only_where_a_kedge_serves() {
    let setup = Setup::external().await;
    let server = setup.serve().await;
    let address = server.address().to_owned();
    let setup = setup.with("KEDGE_LISTEN", &address);
    let healthy = setup.run(&["healthcheck"]).await;
    assert_eq!((healthy.code, healthy.out.as_str(), healthy.err.as_str()), (Some(0), "", ""));
    assert_eq!(server.stop().await.code, Some(0));

    // Bound, so that nobody else gets the port, and not listening.
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let address = socket.local_addr().unwrap().to_string();
    let refused = setup.with("KEDGE_LISTEN", &address).run(&["healthcheck"]).await;
    assert_eq!((refused.code, refused.out.as_str()), (Some(1), ""), "{refused:?}");
    assert!(refused.err.starts_with(&format!("kedge: {address} does not answer: ")), "{refused:?}");
}
