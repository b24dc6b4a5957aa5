//! Where the cold store is: a folder or a bucket, made from the settings.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use object_store::aws::{AmazonS3, AmazonS3Builder, AmazonS3ConfigKey, Checksum};
use object_store::client::{HttpClient, HttpConnector};
use object_store::local::LocalFileSystem;
use object_store::path::Path as Key;
use object_store::signer::Url;
use object_store::{BackoffConfig, ClientOptions, ObjectStore, RetryConfig, StaticCredentialProvider};

use super::credentials;
use super::error::Error;
use super::http::Timed;
use crate::settings;

/// The longest wait between two tries.
pub(super) const LONGEST_BACKOFF: Duration = Duration::from_secs(5);
/// The first wait between two tries.
pub(super) const FIRST_BACKOFF: Duration = Duration::from_millis(100);
/// The longest wait for a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// An open store.
pub(super) struct Place {
    pub store: Arc<dyn ObjectStore>,
    pub kind: Kind,
    /// Its address, without secrets.
    pub address: String,
    /// Before every key.
    prefix: Key,
}

/// What a store is.
pub(super) enum Kind {
    Folder(PathBuf),
    Bucket(Bucket),
}

/// A bucket, with what the library's interface does not offer: requests that we sign ourselves.
pub(super) struct Bucket {
    pub s3: Arc<AmazonS3>,
    pub client: HttpClient,
}

impl Place {
    pub(super) fn open(settings: &settings::Cold, default_dir: &Path) -> Result<Self, Error> {
        if settings.url.is_empty() {
            return folder(default_dir.to_owned(), &default_dir.display().to_string());
        }
        let refused = |reason: &str| {
            // What stands before an @ may be a secret.
            let value = settings.url.rsplit('@').next().unwrap_or_default().to_owned();
            let reason = format!("{reason}; expected file:///folder or s3://bucket/prefix");
            Error::Settings { key: "tiers.cold.url", value, reason }
        };
        let url = Url::parse(&settings.url).map_err(|e| refused(&e.to_string()))?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err(refused("keys do not belong into an address, use tiers.cold.credentials_file"));
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(refused("it has a query or a fragment"));
        }
        match url.scheme() {
            "file" => folder(url.to_file_path().map_err(|()| refused("it names another machine"))?, url.path()),
            "s3" => {
                let name = url.host_str().filter(|h| !h.is_empty()).ok_or_else(|| refused("it names no bucket"))?;
                let prefix = Key::parse(url.path()).map_err(|e| refused(&e.to_string()))?;
                bucket(settings, name, prefix)
            }
            _ => Err(refused("its kind is not known")),
        }
    }

    /// The key of an object in the store.
    pub(super) fn key(&self, path: &str) -> Result<Key, Error> {
        let refused = |reason: String| Error::Refused { path: path.to_owned(), store: self.address.clone(), reason };
        let key = Key::parse(path).map_err(|e| refused(e.to_string()))?;
        if key.as_ref() != path || path.is_empty() {
            return Err(refused("it is not a plain relative path".to_owned()));
        }
        Ok(self.prefix.parts().chain(key.parts()).collect())
    }

    /// What to list: everything below `prefix`, which is a folder.
    pub(super) fn folder_key(&self, prefix: &str) -> Result<Key, Error> {
        if prefix.is_empty() { Ok(self.prefix.clone()) } else { self.key(prefix.trim_end_matches('/')) }
    }

    /// The path of an object, from its key.
    pub(super) fn path(&self, key: &Key) -> String {
        let whole = key.as_ref();
        let below = whole.strip_prefix(self.prefix.as_ref()).unwrap_or(whole);
        below.trim_start_matches('/').to_owned()
    }

    /// The file of an object, where the store is a folder.
    pub(super) fn file(&self, path: &str) -> Option<PathBuf> {
        match &self.kind {
            Kind::Folder(root) => Some(root.join(path)),
            Kind::Bucket(_) => None,
        }
    }
}

/// The folder that an address names, if it names one.
#[must_use]
pub fn folder_of(url: &str) -> Option<PathBuf> {
    Url::parse(url).ok().filter(|url| url.scheme() == "file")?.to_file_path().ok()
}

fn folder(root: PathBuf, shown: &str) -> Result<Place, Error> {
    fs::create_dir_all(&root).map_err(Error::io("make the cold store's folder", &root))?;
    let refused = |e: object_store::Error| Error::Settings {
        key: "tiers.cold.url",
        value: root.display().to_string(),
        reason: format!("the folder cannot be used ({e})"),
    };
    let store = LocalFileSystem::new_with_prefix(&root).map_err(refused)?.with_fsync(true);
    let address = format!("file://{shown}");
    Ok(Place { store: Arc::new(store), kind: Kind::Folder(root), address, prefix: Key::default() })
}

fn bucket(settings: &settings::Cold, name: &str, prefix: Key) -> Result<Place, Error> {
    let timed = Timed { request_timeout: settings.request_timeout };
    // Timed gives each request its time, by its size.
    let options = ClientOptions::new()
        .with_timeout_disabled()
        .with_connect_timeout(settings.request_timeout.min(CONNECT_TIMEOUT))
        .with_allow_http(true);
    let mut builder = AmazonS3Builder::from_env();
    if !settings.region.is_empty() {
        builder = builder.with_region(&settings.region);
    }
    if !settings.credentials_file.is_empty() {
        let keys = credentials::read(&settings.credentials_file)?;
        builder = builder.with_credentials(Arc::new(StaticCredentialProvider::new(keys)));
    } else if !has_keys(&builder) {
        let reason = "no keys were given; expected a file with them, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY";
        let (value, reason) = (String::new(), reason.to_owned());
        return Err(Error::Settings { key: "tiers.cold.credentials_file", value, reason });
    }
    let endpoint = endpoint(settings, &builder)?;
    if let Some(endpoint) = &endpoint {
        // Both, because a variable for S3 alone would win over a setting.
        builder = builder.with_endpoint(endpoint).with_config(AmazonS3ConfigKey::S3Endpoint, endpoint);
    }
    let client = timed.connect(&options).map_err(|e| unusable(name, &e))?;
    let s3 = builder
        .with_bucket_name(name)
        .with_client_options(options)
        .with_http_connector(timed)
        .with_checksum_algorithm(Checksum::SHA256)
        .with_retry(retry(settings))
        // One by one: it needs no more rights, and every server knows it.
        .with_disable_bulk_delete(true)
        .build()
        .map_err(|e| unusable(name, &e))?;
    let s3 = Arc::new(s3);
    let mut address = format!("s3://{name}");
    if !prefix.as_ref().is_empty() {
        address = format!("{address}/{prefix}");
    }
    if let Some(endpoint) = endpoint {
        address = format!("{address} at {endpoint}");
    }
    Ok(Place { store: s3.clone(), kind: Kind::Bucket(Bucket { s3, client }), address, prefix })
}

/// The server's address; none for Amazon's own.
fn endpoint(settings: &settings::Cold, builder: &AmazonS3Builder) -> Result<Option<String>, Error> {
    let variable = || {
        let of = |key| builder.get_config_value(&key).filter(|v| !v.is_empty());
        of(AmazonS3ConfigKey::S3Endpoint).or_else(|| of(AmazonS3ConfigKey::Endpoint))
    };
    let given = !settings.endpoint.is_empty();
    let Some(text) = given.then(|| settings.endpoint.clone()).or_else(variable) else { return Ok(None) };
    let refused = |value: &str, reason: &str| Error::Settings {
        key: "tiers.cold.endpoint",
        value: value.to_owned(),
        reason: format!("{reason}; expected https://host:port"),
    };
    let url = Url::parse(&text).map_err(|e| refused(text.rsplit('@').next().unwrap_or_default(), &e.to_string()))?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err(refused(url.host_str().unwrap_or_default(), "keys do not belong into an address"));
    }
    match url.scheme() {
        "https" => {}
        "http" if given || is_loopback(&url) => {}
        "http" => return Err(refused(&text, "a variable alone does not allow http to another machine, set this key")),
        _ => return Err(refused(&text, "it is neither http nor https")),
    }
    Ok(Some(text.trim_end_matches('/').to_owned()))
}

/// That a variable gives keys or says where they come from. Without one the library would ask the machine's cloud,
/// and whoever forgot the keys would wait for an answer from nowhere.
fn has_keys(builder: &AmazonS3Builder) -> bool {
    let given = |key| builder.get_config_value(&key).is_some_and(|v| !v.is_empty());
    given(AmazonS3ConfigKey::AccessKeyId)
        || given(AmazonS3ConfigKey::WebIdentityTokenFile)
        || given(AmazonS3ConfigKey::ContainerCredentialsRelativeUri)
        || given(AmazonS3ConfigKey::ContainerCredentialsFullUri)
}

fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

fn retry(settings: &settings::Cold) -> RetryConfig {
    let tries = settings.retries.saturating_add(1);
    RetryConfig {
        backoff: BackoffConfig { init_backoff: FIRST_BACKOFF, max_backoff: LONGEST_BACKOFF, base: 2.0 },
        max_retries: settings.retries as usize,
        // A request is not signed anew when it is tried again, and a signature lives for minutes.
        retry_timeout: settings.request_timeout.saturating_mul(tries).min(Duration::from_secs(180)),
    }
}

fn unusable(bucket: &str, error: &object_store::Error) -> Error {
    let reason = format!("{error}; check tiers.cold and the AWS_* variables");
    Error::Settings { key: "tiers.cold.url", value: format!("s3://{bucket}"), reason }
}
