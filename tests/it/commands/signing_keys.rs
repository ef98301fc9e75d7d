//! Where a process takes its signing key from, what it refuses as one, and `kedge admin rotate-signing-key`.

use std::{
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt,
};

use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::{Value, json};

use super::{Ended, Process, Setup};
use crate::support::{
    ADMIN_PASSWORD, Client, Login, Tokens,
    forge::{self, Kind, Pair},
    new_database, url,
};

const ROTATE: [&str; 2] = ["admin", "rotate-signing-key"];
const PRIVATE: &str = "KEDGE_KEYS__PRIVATE_KEY_PATH";
const PUBLIC: &str = "KEDGE_KEYS__PUBLIC_KEY_PATH";
const SEALING_KEY: &str = "the-walrus-and-the-carpenter-were-walking";
const UNSEALED: &str = "keys.sealing_key is not set: whoever reads the database can sign access tokens";

/// An RSA key of 1024 bits (PKCS #8), which nothing here would make.
const RSA_1024: &str = "\
MIICdgIBADANBgkqhkiG9w0BAQEFAASCAmAwggJcAgEAAoGBAMclF3MvXFmEK3hmuDqJZTXcFwQriPjvWKVz8oD1O6W59Rg31idYR+XqxVm1ZFC+MA+E\
QixYpzGkIzURL1Qp2U7emPdJmKOPg9NuGxPoMd4whlOmu5kCsT6uezOwwDyZnQt6QvgZLoAbgfXDvZCcusmp8mITpDgv1um6qX5tHAejAgMBAAECgYBO\
mRsaQRUH15x4lsIbiGLD0SvcX3peFck88/hAYYm7LRvJBTCmsrcdzX06nNcM7yN03FRpwEus0gV7Sl8Nrr6vKa/PsiE1CnOAtzKaKIcD9UM1Mxol1mtR\
ksSEdFCGTj4yXH86fYo9yaxpJN1OK9jL0TTt3ZYKoUI2uxmPUr1D4QJBAO9ILH0w+HdhpObXJh4kGBF/wHKRjFUqdducvD/0brFkDAqhoIFKbltnq6ne\
94D+9gHzmNGeC7Xm1KlyUD3X/fsCQQDVDwWRggXVt9rZ0H6nGu6tUMeEYJfnzzEyxYiN8YazB8NprRwpxJA8qpoOuIsK/3eh5Cb1ii4RGUY+PqiR6jR5\
AkAlZt6tYu4zmuuvuYmXxISOl615Ow74cP6jKUizpn129PB86O6xxvShDP9kOhnt6+yAOZd1jILAGCi9o8SvJgfpAkEAizdYlR6Xv3F2UFMbHwfLI3ag\
GBCh0beh1yIZu14xfPQ6rOePen9VHD8BkVLmj9YkDqWtC04yEbwpGO0KauXVSQJAfOe6/K5q2/E4av86/shmglbKt72LYafv/bn9rRD2LVE965WNunEY\
dfGxoZuqkXeHuZUxGvK/KuxzdC58oBX0Zg==";

/// An Ed25519 key, encrypted with a password.
const ENCRYPTED: &str = "\
MIGbMFcGCSqGSIb3DQEFDTBKMCkGCSqGSIb3DQEFDDAcBAgsHy0cXgmkMwICCAAwDAYIKoZIhvcNAgkFADAdBglghkgBZQMEASoEEEjawpyJfhJy6JZ9\
6S1qRvoEQMhs5qfbcUiYPAY/GriLk0jAngX3GcPj7kcd47vFI7a69KQeceUHF6scKHBe0Uk0NHwTSlaJ6mM57KZYbZshGh0=";

impl Setup {
    /// The same with a variable that names a file of this content.
    fn with_file(self, variable: &str, content: &str) -> Self {
        let file = self.place.top.join(variable);
        fs::write(&file, content).unwrap();
        self.with(variable, file.to_str().unwrap())
    }
}

/// Asserts that a file or value keeps Kedge from starting, and that the message holds all of `parts` and nothing of
/// what is `hidden`.
#[track_caller]
fn assert_refused(setup: &Setup, ended: &Ended, parts: &[&str], hidden: &[&str]) {
    assert_eq!((ended.code, ended.out.as_str()), (Some(2), ""), "{ended:?}");
    for part in parts {
        assert!(ended.err.contains(part), "{part}: {ended:?}");
    }
    for line in hidden.iter().flat_map(|text| text.lines()).filter(|line| line.len() > 4) {
        assert!(!ended.err.contains(line), "{line}: {ended:?}");
    }
    assert!(!setup.place.data.exists());
}

#[tokio::test]
async fn private_key_that_cannot_be_used_is_refused_without_showing_it() {
    let ed25519 = Pair::new(Kind::Ed25519);
    let der = |text: &str| BASE64_STANDARD.decode(text).unwrap();
    let encrypted = format!(
        "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,00\n\n{ENCRYPTED}\n-----END RSA \
         PRIVATE KEY-----\n"
    );
    let mut altered = Pair::new(Kind::Rsa).pkcs8;
    altered[200] ^= 1;
    for content in [
        String::new(),
        "jabberwocky and more of it\n".to_owned(),
        forge::pem("PRIVATE KEY", b"twas brillig and the slithy toves"),
        forge::pem("PRIVATE KEY", &ed25519.pkcs8[..40]),
        forge::pem("PRIVATE KEY", &der(RSA_1024)),
        forge::pem("PRIVATE KEY", &altered),
        forge::pem("ENCRYPTED PRIVATE KEY", &der(ENCRYPTED)),
        encrypted,
        forge::p384_pem(),
        ed25519.public_pem(),
        forge::pem("CERTIFICATE", &ed25519.spki),
        BASE64_STANDARD.encode(&ed25519.pkcs8),
    ] {
        let setup = Setup::private().with_file(PRIVATE, &content);
        let ended = setup.run(&["serve"]).await;
        let parts = ["kedge: the configuration is wrong:\n`keys.private_key_path`: ", "unencrypted private key"];
        assert_refused(&setup, &ended, &parts, &[&content]);
    }
}

#[tokio::test]
async fn key_file_that_cannot_be_read_is_told_with_its_key() {
    let setup = Setup::private().with(PRIVATE, "/nowhere/private.pem");
    let ended = setup.run(&["serve"]).await;
    assert_refused(&setup, &ended, &["`keys.private_key_path`: cannot read the file: "], &[]);

    let setup = Setup::private().with(PRIVATE, "/tmp");
    let ended = setup.run(&["serve"]).await;
    assert_refused(&setup, &ended, &["`keys.private_key_path`: cannot read the file: "], &[]);

    let pem = Pair::new(Kind::Ed25519).private_pem();
    let setup = Setup::private().with_file(PRIVATE, &pem).with(PUBLIC, "/nowhere/public.pem");
    let ended = setup.run(&["serve"]).await;
    assert_refused(&setup, &ended, &["`keys.public_key_path`: cannot read the file: "], &[&pem]);
    let file = setup.place.top.join(PRIVATE);
    fs::set_permissions(&file, Permissions::from_mode(0o000)).unwrap();
    // Whoever is root reads it all the same, and is told of the other.
    let ended = setup.run(&["serve"]).await;
    assert_refused(&setup, &ended, &["key_path`: cannot read the file: "], &[&pem]);
}

#[tokio::test]
async fn public_key_must_be_the_other_half() {
    for kind in forge::KINDS {
        let (pair, other) = (Pair::new(kind), Pair::new(kind));
        let different = Pair::new(if kind == Kind::P256 { Kind::Ed25519 } else { Kind::P256 });
        for public in
            [other.public_pem(), different.public_pem(), pair.private_pem(), "jabberwocky".to_owned(), String::new()]
        {
            let setup = Setup::private().with_file(PRIVATE, &pair.private_pem()).with_file(PUBLIC, &public);
            let ended = setup.run(&["serve"]).await;
            assert_refused(
                &setup,
                &ended,
                &["`keys.public_key_path`: expected the public half"],
                &[&public, &pair.private_pem()],
            );
        }
    }
    let setup = Setup::private().with_file(PUBLIC, &Pair::new(Kind::P256).public_pem());
    let ended = setup.run(&["serve"]).await;
    assert_refused(&setup, &ended, &["KEDGE_KEYS__PUBLIC_KEY_PATH: a public key signs nothing"], &[]);
}

#[tokio::test]
async fn short_secret_is_refused_and_a_secret_from_a_file_signs() {
    let secret = "curiouser-and-curiouser-cried-al";
    for (variable, short) in [("KEDGE_KEYS__SECRET", &secret[..31]), ("KEDGE_KEYS__SEALING_KEY", &secret[..31])] {
        let setup = Setup::private().with(variable, short);
        let ended = setup.run(&["serve"]).await;
        assert_refused(&setup, &ended, &[&format!("{variable}: ")], &[short]);
    }
    let setup = Setup::private().with_file("KEDGE_KEYS__SECRET_FILE", &format!("{}\n", &secret[..31]));
    let ended = setup.run(&["serve"]).await;
    assert_refused(&setup, &ended, &["KEDGE_KEYS__SECRET_FILE"], &[&secret[..31]]);

    let setup = Setup::external().await.with_file("KEDGE_KEYS__SECRET_FILE", &format!("{secret}\n"));
    let server = setup.serve().await;
    let token = sign_in(&server).await;
    let (message, signature) = token.rsplit_once('.').unwrap();
    assert_eq!(forge::decode(signature), forge::hs256(secret.as_bytes(), message.as_bytes()));
    let refused = setup.run(&ROTATE).await;
    assert_eq!((refused.code, refused.out.as_str()), (Some(1), ""), "{refused:?}");
    assert!(refused.err.contains("the signing key comes from the configuration"), "{refused:?}");
    let ended = server.stop().await;
    assert!(!ended.err.contains(UNSEALED) && !ended.err.contains(secret), "{ended:?}");
}

/// An access token of the user `admin`, which opens something.
async fn sign_in(server: &Process) -> String {
    let form = [("username", "admin"), ("password", ADMIN_PASSWORD)];
    let tokens = Client::new(&server.url, Login::Nobody).form("/v2/oauth/token", &form).await.expect(200);
    let token = Tokens::from(tokens).access;
    is_admin(server, &token).await;
    token
}

async fn is_admin(server: &Process, token: &str) {
    let user = Client::new(&server.url, Login::Bearer(token.to_owned())).get("/v2/user").await.expect(200);
    assert_eq!(user["username"], "admin");
}

fn kid_of(token: &str) -> String {
    let header: Value = serde_json::from_slice(&forge::decode(token.split('.').next().unwrap())).unwrap();
    assert_eq!(header, json!({ "alg": "EdDSA", "kid": header["kid"], "typ": "at+jwt" }));
    header["kid"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn sealed_key_is_opened_with_its_sealing_key_only() {
    let database = url(&new_database().await);
    let setup = || Setup::private().with("KEDGE_DATABASE_URL", &database);
    let bare = setup().serve().await;
    let token = sign_in(&bare).await;
    let ended = bare.stop().await;
    assert_eq!(ended.err.matches(UNSEALED).count(), 1, "{ended:?}");

    let sealed = setup().with("KEDGE_KEYS__SEALING_KEY", SEALING_KEY).serve().await;
    is_admin(&sealed, &token).await;
    let ended = sealed.stop().await;
    assert!(!ended.err.contains(UNSEALED) && !ended.err.contains(SEALING_KEY), "{ended:?}");

    let missing = "the signing key in the database is sealed: `keys.sealing_key` (KEDGE_KEYS__SEALING_KEY) must be set";
    let wrong = "the signing key in the database was sealed with another `keys.sealing_key`";
    let other = setup().with("KEDGE_KEYS__SEALING_KEY", "the-walrus-and-the-oyster-were-walking");
    for command in [&["serve"][..], &ROTATE] {
        for (setup, told) in [(&setup(), missing), (&other, wrong)] {
            let ended = setup.run(command).await;
            assert_eq!((ended.code, ended.out.as_str()), (Some(1), ""), "{ended:?}");
            assert!(ended.err.ends_with(&format!("kedge: {told}\n")), "{ended:?}");
            assert!(!ended.err.contains("walrus"), "{ended:?}");
        }
    }
}

#[tokio::test]
async fn rotation_counts_at_once_on_every_running_node() {
    let database = url(&new_database().await);
    let setup = Setup::private().with("KEDGE_DATABASE_URL", &database).with("KEDGE_KEYS__SEALING_KEY", SEALING_KEY);
    let (one, two) = tokio::join!(setup.serve(), setup.serve());
    let before = sign_in(&one).await;
    is_admin(&two, &before).await;

    let rotated = setup.run(&ROTATE).await;
    assert_eq!((rotated.code, rotated.err.as_str()), (Some(0), ""), "{rotated:?}");
    let after = sign_in(&one).await;
    is_admin(&two, &after).await;
    assert_ne!(kid_of(&before), kid_of(&after));
    assert_eq!(kid_of(&sign_in(&two).await), kid_of(&after));
    let (first, second) = rotated.out.split_once('\n').unwrap();
    assert_eq!(first, format!("The key {} signs from now on.", kid_of(&after)));
    assert!(second.starts_with("The previous one verifies until 2"), "{second}");
    for node in [&one, &two] {
        is_admin(node, &before).await;
        let keys = Client::new(&node.url, Login::Nobody).get("/.well-known/jwks.json").await.expect(200);
        let kids: Vec<_> = keys["keys"].as_array().unwrap().iter().map(|key| key["kid"].clone()).collect();
        assert_eq!(kids, [json!(kid_of(&after)), json!(kid_of(&before))]);
    }

    let (third, fourth) = tokio::join!(setup.run(&ROTATE), setup.run(&ROTATE));
    assert_eq!((third.code, fourth.code), (Some(0), Some(0)), "{third:?} {fourth:?}");
    let kid = kid_of(&sign_in(&two).await);
    assert_eq!(kid_of(&sign_in(&one).await), kid);
    assert!(third.out.contains(&kid) != fourth.out.contains(&kid), "{third:?} {fourth:?}");
    is_admin(&one, &before).await;
}
