//! The demo's temporary folder.

use std::fs::DirBuilder;
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use crate::outside::random::Random;

/// A folder that only this user can read and that goes when the value does.
#[derive(Debug)]
pub(super) struct Folder(PathBuf);

impl Folder {
    /// Creates it under the system's temporary folder; a name that is taken is an error, never reused.
    pub(super) fn create(random: &Random) -> io::Result<Self> {
        let path = std::env::temp_dir().join(format!("symbolon-demo-{}", random.token()));
        DirBuilder::new().mode(0o700).create(&path)?;
        Ok(Self(path))
    }

    /// Where it is.
    pub(super) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.0) {
            tracing::warn!(folder = %self.0.display(), %error, "the demo's folder could not be removed");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_folder_and_what_is_in_it_go_with_the_value() {
        let folder = Folder::create(&Random::Real).unwrap();
        let path = folder.path().to_owned();
        std::fs::write(path.join("store"), "something").unwrap();
        drop(folder);
        assert!(!path.exists());
    }
}
