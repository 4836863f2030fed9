//! An object store for tests: s3s over a folder, which speaks S3 over real sockets and checks signatures.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use hyper::service::{Service, service_fn};
use hyper_util::rt::TokioIo;
use s3s::auth::SimpleAuth;
use s3s::service::S3ServiceBuilder;
use s3s_fs::FileSystem;
use tokio::net::TcpListener;
use tokio_util::sync::{CancellationToken, DropGuard};
use uuid::Uuid;

pub const ID: &str = "AKIAPARLORTEST";
pub const KEY: &str = "a secret key of the object store";
pub const BUCKET: &str = "parlor-files";

/// Serves until it is dropped.
pub struct ObjectStore {
    pub address: SocketAddr,
    root: PathBuf,
    hides: Arc<AtomicBool>,
    _stop: DropGuard,
}

impl ObjectStore {
    pub async fn start() -> Self {
        let root = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("s3-{}", Uuid::now_v7().simple()));
        std::fs::create_dir_all(root.join(BUCKET)).expect("a folder can be made");
        let mut service = S3ServiceBuilder::new(FileSystem::new(&root).expect("a folder"));
        service.set_auth(SimpleAuth::from_single(ID, KEY));
        let service = service.build();
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("it is bound");
        let stop = CancellationToken::new();
        let hides = Arc::new(AtomicBool::new(false));
        let hidden = hides.clone();
        tokio::spawn(stop.clone().run_until_cancelled_owned(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (service, hidden) = (service.clone(), hidden.clone());
                let service = service_fn(move |request: hyper::Request<hyper::body::Incoming>| {
                    let hides = hidden.load(Ordering::SeqCst) && request.method() == hyper::Method::GET;
                    let answer = (!hides).then(|| Service::call(&service, request));
                    async move {
                        match answer {
                            Some(answer) => answer.await,
                            None => {
                                let mut none = hyper::Response::new(s3s::Body::empty());
                                *none.status_mut() = hyper::StatusCode::NOT_FOUND;
                                Ok(none)
                            }
                        }
                    }
                });
                tokio::spawn(async move {
                    // A client that breaks off a connection is no error of the store.
                    let _ = hyper::server::conn::http1::Builder::new()
                        .serve_connection(TokioIo::new(stream), service)
                        .await;
                });
            }
        }));
        Self { address, root, hides, _stop: stop.drop_guard() }
    }

    /// The settings of a server that stores its files here.
    pub fn settings(&self) -> [(&'static str, String); 5] {
        [
            ("PARLOR__MEDIA__S3__ENDPOINT", format!("http://{}", self.address)),
            ("PARLOR__MEDIA__S3__BUCKET", BUCKET.to_owned()),
            ("PARLOR__MEDIA__S3__ACCESS_KEY", ID.to_owned()),
            ("PARLOR__MEDIA__S3__SECRET_KEY", KEY.to_owned()),
            ("PARLOR__MEDIA__S3__PATH_STYLE", "true".to_owned()),
        ]
    }

    /// One more bucket; its folder.
    pub fn with_bucket(&self, name: &str) -> PathBuf {
        let folder = self.root.join(name);
        std::fs::create_dir_all(&folder).expect("a folder can be made");
        folder
    }

    /// From now on objects are found, or not: as if each were added right after it was asked for.
    pub fn hide(&self, hides: bool) {
        self.hides.store(hides, Ordering::SeqCst);
    }

    /// The keys of all objects below this one.
    pub fn keys(&self, below: &str) -> Vec<String> {
        files(&self.root.join(BUCKET).join(below))
    }
}

impl Drop for ObjectStore {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.root);
    }
}

/// The names of all files below a folder; none if it does not exist.
pub fn files(folder: &std::path::Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(files(&path));
        } else if let Some(name) = path.file_name() {
            found.push(name.to_string_lossy().into_owned());
        }
    }
    found
}
