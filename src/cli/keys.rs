//! Key files of the data directory: made on the first start, mode 0600, and refused when others may read them (S-76).

use std::fs::{self, OpenOptions, Permissions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;

use super::Failure;

/// The bytes of the file, which `make` makes where there is none. Two processes that start at once get the same.
pub(super) fn read_or_make(file: &Path, make: impl FnOnce() -> Result<Vec<u8>, Failure>) -> Result<Vec<u8>, Failure> {
    if !file.exists() {
        let fresh = file.with_extension(format!("{}.new", std::process::id()));
        let mut written = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&fresh)?;
        written.write_all(&make()?)?;
        written.sync_all()?;
        // A link, unlike a rename, does not replace what another process has just made.
        let linked = fs::hard_link(&fresh, file);
        fs::remove_file(&fresh)?;
        linked.or_else(|error| if error.kind() == ErrorKind::AlreadyExists { Ok(()) } else { Err(error) })?;
    }
    let mode = fs::metadata(file)?.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(format!("{} has mode {mode:o}, expected 600: others may read the key", file.display()).into());
    }
    Ok(fs::read(file)?)
}

/// The directory, made with mode 0700 where there is none.
pub(super) fn make_directory(directory: &Path) -> Result<(), Failure> {
    if !directory.is_dir() {
        fs::create_dir_all(directory)?;
        fs::set_permissions(directory, Permissions::from_mode(0o700))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_made_once_and_refused_when_others_may_read_it() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("a.key");
        let made = read_or_make(&file, || Ok(vec![1])).expect("made");
        let again = read_or_make(&file, || Ok(vec![2])).expect("read");
        assert_eq!((made, again), (vec![1], vec![1]));
        assert_eq!(fs::read_dir(folder.path()).expect("listed").count(), 1, "nothing is left beside it");

        fs::set_permissions(&file, Permissions::from_mode(0o644)).expect("widened");
        let error = read_or_make(&file, || Ok(vec![3])).expect_err("S-76").to_string();
        assert!(error.contains("644"), "{error}");
    }
}
