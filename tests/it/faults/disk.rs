//! A full disk.

use std::{fs, path::PathBuf, process::Command};

use serde_json::json;

use super::{Postgres, assert_unavailable, logged, timed};
use crate::support::PASSWORD;

const TABLES: [&str; 3] = ["users", "passwords", "api_keys"];

/// A file system of a megabyte.
struct SmallDisk(PathBuf);

impl SmallDisk {
    /// `None` where this process may not mount.
    fn mount(postgres: &Postgres) -> Option<Self> {
        let directory = postgres.place.top.join("disk");
        fs::create_dir(&directory).unwrap();
        let owner = fs::metadata(postgres.place.cluster()).unwrap();
        let owner = std::os::unix::fs::MetadataExt::uid(&owner);
        let options = format!("size=1m,mode=700,uid={owner}");
        let mounted =
            Command::new("mount").args(["-t", "tmpfs", "-o", &options, "kedge-test"]).arg(&directory).output();
        mounted.is_ok_and(|output| output.status.success()).then_some(Self(directory))
    }

    fn filler(&self) -> PathBuf {
        self.0.join("filler")
    }

    /// Leaves no page free.
    fn fill(&self) {
        let mut file = fs::File::create(self.filler()).unwrap();
        while std::io::Write::write_all(&mut file, &[0; 4096]).is_ok() {}
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Lazily: PostgreSQL may still have files open.
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

/// What keeps the database from writing.
enum Full {
    Disk(SmallDisk),
    /// Where mounting is not permitted, a trigger says so.
    Trigger,
}

impl Full {
    async fn begin(postgres: &Postgres) -> Self {
        if let Some(disk) = SmallDisk::mount(postgres) {
            postgres.execute(&format!("create tablespace small location '{}'", disk.0.display())).await;
            for table in TABLES {
                postgres.execute(&format!("alter table {table} set tablespace small")).await;
            }
            disk.fill();
            return Self::Disk(disk);
        }
        println!("mounting is not permitted here: a trigger says that the disk is full");
        postgres
            .execute(
                "create function full_disk() returns trigger language plpgsql as $$ begin
                     raise exception 'could not extend file' using errcode = 'disk_full';
                 end $$;
                 create trigger full_disk before insert on passwords for each row execute function full_disk()",
            )
            .await;
        Self::Trigger
    }

    async fn end(&self, postgres: &Postgres) {
        match self {
            Self::Disk(disk) => fs::remove_file(disk.filler()).unwrap(),
            Self::Trigger => postgres.execute("drop function full_disk cascade").await,
        }
    }
}

#[tokio::test]
async fn change_that_a_full_disk_refuses_leaves_nothing_behind() {
    let postgres = Postgres::start().await;
    let server = postgres.kedge().await;
    server.account("acme").await;
    let full = Full::begin(&postgres).await;

    let (users, admin) = ("/v2/accounts/acme/users", server.admin());
    let (mut made, mut refused) = (Vec::new(), Vec::new());
    // The last pages still have room.
    for number in 0..1_000 {
        let name = format!("alice-{number}");
        let request = admin.request("POST", users).json(&json!({ "username": name, "password": PASSWORD }));
        let answered = timed(request).await;
        if answered.0.status == 200 {
            made.push(name);
            continue;
        }
        assert_unavailable("a change", &answered);
        let log = logged(&answered.0);
        assert!(log.contains("the database cannot be used") && log.contains("could not extend file"), "{log}");
        refused.push(name);
        if refused.len() == 5 {
            break;
        }
    }
    assert_eq!(refused.len(), 5, "the disk is full");
    // Reads go on.
    admin.get(users).await.expect(200);
    server.nobody().get("/ready").await.expect(200);

    full.end(&postgres).await;
    for name in &made {
        server.basic(name, PASSWORD).get("/v2/user").await.expect(200);
    }
    for name in &refused {
        admin.get(&format!("{users}/{name}")).await.expect(404);
        admin.post(users, json!({ "username": name, "password": PASSWORD })).await.expect(200);
        server.basic(name, PASSWORD).get("/v2/user").await.expect(200);
    }
    println!("{} changes went in before the disk was full", made.len());
}
