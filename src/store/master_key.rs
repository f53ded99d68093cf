//! The master key of a broker with embedded stores: a file beside them, made on first use.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use crate::model::encoding::base64url;
use crate::outside::random::Random;

use super::StoreError;
use super::seal::SecretKeyBytes;

/// Where the key of a directory is.
pub fn file(directory: &Path) -> PathBuf {
    directory.join("master.key")
}

/// Reads `master.key` in the directory, or makes it (0600, the directory 0700).
///
/// # Errors
/// [`StoreError::Misconfigured`] when the file is no key, or others than its owner may read it.
pub fn of_directory(directory: &Path, random: &Random) -> Result<SecretKeyBytes, StoreError> {
    let path = file(directory);
    let refuse = |error: std::io::Error| StoreError::Misconfigured(format!("{}: {error}", path.display()));
    DirBuilder::new().recursive(true).mode(0o700).create(directory).map_err(refuse)?;
    if let Some(key) = read(&path)? {
        return Ok(key);
    }
    // Written aside and linked, so that nobody reads half a key and of two makers one wins.
    let draft = directory.join(format!(".master.key.{}", base64url(random.bytes::<8>())));
    let text = Zeroizing::new(format!("{}\n", SecretKeyBytes::generate(random).to_base64()));
    let mut file =
        OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft).map_err(refuse)?;
    let linked = file
        .write_all(text.as_bytes())
        .and_then(|()| file.sync_all())
        .and_then(|()| fs::hard_link(&draft, &path));
    let removed = fs::remove_file(&draft);
    match linked {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => return Err(refuse(error)),
        _ => removed.and_then(|()| File::open(directory)?.sync_all()).map_err(refuse)?,
    }
    read(&path)?.ok_or_else(|| StoreError::Misconfigured(format!("{}: it vanished", path.display())))
}

fn read(path: &Path) -> Result<Option<SecretKeyBytes>, StoreError> {
    let refuse = |why: String| StoreError::Misconfigured(format!("{}: {why}", path.display()));
    let text = match fs::read_to_string(path) {
        Ok(text) => Zeroizing::new(text),
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(refuse(error.to_string())),
    };
    let mode = fs::metadata(path).map_err(|error| refuse(error.to_string()))?.permissions().mode();
    if mode & 0o077 != 0 {
        return Err(refuse(format!("mode {:o} lets others read the key: chmod 600", mode & 0o777)));
    }
    SecretKeyBytes::parse(&text).map(Some).map_err(|error| refuse(error.to_string()))
}
