//! How a process takes its configuration, and `kedge config`.

use std::fs;

use yaml_serde::Value;

use super::Setup;

#[tokio::test]
async fn effective_configuration_is_printed_with_secrets_redacted() {
    let setup = Setup::private()
        .with("KEDGE_ADMIN_PASSWORD", "white-rabbit")
        .with("KEDGE_DATABASE_URL", "postgres://kedge:march-hare@localhost/kedge")
        .with("KEDGE_DATABASE__POOL_SIZE", "7");
    let file = setup.place.top.join("kedge.yaml");
    fs::write(&file, "server: {external_url: https://kedge.example.com/}\ndatabase: {pool_size: 5}\n").unwrap();

    let ended = setup.run(&["config", "--config", file.to_str().unwrap()]).await;
    assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""), "{ended:?}");
    assert!(!ended.out.contains("white-rabbit") && !ended.out.contains("march-hare"), "{}", ended.out);
    let shown: Value = yaml_serde::from_str(&ended.out).unwrap();
    assert_eq!(shown["default_admin_password"], "[redacted]");
    assert_eq!(shown["database"]["url"], "[redacted]");
    assert_eq!(shown["database"]["pool_size"], 7);
    assert_eq!(shown["server"]["external_url"], "https://kedge.example.com");
    assert_eq!(shown["data_dir"], setup.place.data.to_str().unwrap());
    assert_eq!(shown["listen"], "127.0.0.1:0");
    assert_eq!(shown["logging"]["level"], "info");
}

#[tokio::test]
async fn all_problems_of_a_configuration_are_told_at_once() {
    let setup = Setup::private()
        .with("KEDGE_LISTEN", "somewhere")
        .with("KEDGE_DATABASE__POOL_SIZE", "many")
        .with("KEDGE_LOG", "loud=quiet=no")
        .with("KEDGE_LISTN", "127.0.0.1:1")
        .with("KEDGE_ADMIN_PASSWORD", "tiny");
    let file = setup.place.top.join("kedge.yaml");
    fs::write(&file, "databse: {pool_size: 5}\ncleanup: {accounts_interval_seconds: 0}\n").unwrap();
    let setup = setup.with("KEDGE_CONFIG", file.to_str().unwrap());

    for command in ["serve", "config", "migrate", "healthcheck"] {
        let ended = setup.run(&[command]).await;
        assert_eq!((ended.code, ended.out.as_str()), (Some(2), ""), "{ended:?}");
        let (first, problems) = ended.err.split_once('\n').unwrap();
        assert_eq!(first, "kedge: the configuration is wrong:");
        let problems: Vec<&str> = problems.lines().collect();
        let told = |parts: &[&str]| problems.iter().any(|line| parts.iter().all(|part| line.contains(part)));
        assert!(told(&["KEDGE_LISTEN:", "expected an IP address and a port"]), "{problems:#?}");
        assert!(told(&["KEDGE_DATABASE__POOL_SIZE:"]), "{problems:#?}");
        assert!(told(&["KEDGE_LOG:", "expected a level"]), "{problems:#?}");
        assert!(told(&["unknown environment variable KEDGE_LISTN: did you mean `KEDGE_LISTEN`?"]), "{problems:#?}");
        assert!(told(&["KEDGE_ADMIN_PASSWORD:", "expected 6 to 128 characters"]), "{problems:#?}");
        assert!(told(&[file.to_str().unwrap(), "unknown key `databse"]), "{problems:#?}");
        assert!(told(&[file.to_str().unwrap(), "`cleanup.accounts_interval_seconds`"]), "{problems:#?}");
        assert_eq!(problems.len(), 7, "{problems:#?}");
        assert!(!ended.err.contains("tiny"), "{}", ended.err);
    }
    assert!(!setup.place.data.exists());
}
