//! Certificates are replaced while the service serves.

use std::{fs, os::unix::fs::symlink, path::Path};

use tokio_rustls::rustls::pki_types::CertificateDer;

use super::*;
use crate::harness::{captured_lines, tls_settings};

/// The certificate that a new connection is shown.
async fn shown(client: &TlsClient, app: &Server) -> [CertificateDer<'static>; 2] {
    let mut shown = Vec::new();
    for (address, protocol) in [(app.grpc_address, GRPC), (app.rest_address, REST)] {
        let stream = client.clone().offering(&[protocol]).connect(address).await;
        let stream = stream.unwrap();
        shown.push(stream.get_ref().1.peer_certificates().unwrap()[0].clone());
    }
    shown.try_into().unwrap()
}

/// Installs another good pair, which both ports have to show.
async fn renew(folder: &TlsFolder, authority: &Authority, app: &Server) {
    let client = authority.trusting();
    let before = shown(&client, app).await;
    folder.install(&authority.server());
    eventually("both ports show another certificate", async || {
        let now = shown(&client, app).await;
        now[0] == now[1] && now[0] != before[0]
    })
    .await;
}

/// (W58) On both ports; what is open stays open.
#[tokio::test(flavor = "multi_thread")]
async fn a_replaced_certificate_is_served_without_a_restart() {
    let (authority, folder) = ground();
    let app = start(&folder).await;
    ready(&app).await;
    let client = authority.trusting();
    let open = Client::over(client.channel(app.grpc_address));
    open.validate("a token").await.unwrap();
    for _ in 0..3 {
        renew(&folder, &authority, &app).await;
        open.validate("a token").await.unwrap();
    }
}

/// (W58) What is wrong is told once, by key and file, however often it is looked at; what is right
/// again is taken.
#[tokio::test(flavor = "multi_thread")]
async fn bad_files_keep_the_certificate_in_use_and_are_told_once() {
    let (authority, folder) = ground();
    let app = start(&folder).await;
    let client = authority.trusting();
    let told = |key: &str, name: &str| {
        let path = folder.path(name).display().to_string();
        let lines = captured_lines(&path);
        let of_key = |line: &&String| line.contains("WARN") && line.contains(key);
        lines.iter().filter(of_key).count()
    };
    let stranger = authority.server().key;
    for (key, name, text, then_key, then) in [
        (
            "tls.certificate:",
            "tls.crt",
            "spoilt",
            "tls.client_ca:",
            "ca.crt",
        ),
        (
            "tls.certificate:",
            "tls.crt",
            "",
            "tls.client_ca:",
            "ca.crt",
        ),
        ("tls.key:", "tls.key", "spoilt", "tls.client_ca:", "ca.crt"),
        (
            "tls.key:",
            "tls.key",
            stranger.as_str(),
            "tls.client_ca:",
            "ca.crt",
        ),
        (
            "tls.client_ca:",
            "ca.crt",
            "spoilt",
            "tls.certificate:",
            "tls.crt",
        ),
    ] {
        renew(&folder, &authority, &app).await;
        let in_use = shown(&client, &app).await;
        let (before, before_then) = (told(key, name), told(then_key, then));
        folder.write(name, text);
        eventually("the fault is told", async || told(key, name) == before + 1).await;
        // That the second one is told shows that the first was seen again.
        fs::remove_file(folder.path(then)).unwrap();
        eventually("the next fault is told", async || {
            told(then_key, then) == before_then + 1
        })
        .await;
        assert_eq!(told(key, name), before + 1, "{key}");
        assert_eq!(shown(&client, &app).await, in_use, "{key}");
        folder.install_authority(&authority);
    }
    renew(&folder, &authority, &app).await;
}

/// (W58) The files are links into a folder that is itself a link, which is swapped whole.
#[tokio::test(flavor = "multi_thread")]
async fn a_swap_of_links_as_kubernetes_makes_it_is_noticed() {
    let authority = Authority::new();
    let [old, new] = [(); 2].map(|()| TlsFolder::new(&authority.server(), &authority));
    let mount = tempfile::tempdir().unwrap();
    let swap = |to: &TlsFolder| {
        let next = mount.path().join("..data_tmp");
        symlink(to.path(""), &next).unwrap();
        fs::rename(next, mount.path().join("..data")).unwrap();
    };
    swap(&old);
    for name in ["tls.crt", "tls.key", "ca.crt"] {
        symlink(Path::new("..data").join(name), mount.path().join(name)).unwrap();
    }
    let tls = tls_settings(mount.path());
    let app = Plan::on(Database::Sqlite)
        .await
        .settings(|settings| settings.server.tls = Some(tls))
        .hooks(|hooks| hooks.certificate_interval = Some(INTERVAL))
        .without_waiting()
        .start()
        .await;
    let client = authority.trusting();
    let before = shown(&client, &app).await;
    swap(&new);
    eventually("the new certificate is shown", async || {
        shown(&client, &app).await != before
    })
    .await;
}
