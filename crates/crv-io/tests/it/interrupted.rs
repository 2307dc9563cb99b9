//! Local stores in which another process acts just before, or just after, a commit is published; or whose disk fills up
//! before a merge.

use std::io;
use std::sync::Arc;

use crv_io::store::{Store, StoreError};

use crate::hooked::{Call, Hooked, Once, When};
use crate::support::Root;

/// A store that has room for appends, whose parts are staged together, and none for merged parts.
pub(crate) fn full_for_merges(root: &Root) -> Arc<dyn Store> {
    Hooked::store(root, |_, call| match call {
        Call::StageAlone(path) => {
            Err(StoreError::new("write", path.as_str(), io::ErrorKind::StorageFull.into()))
        }
        _ => Ok(()),
    })
}

/// A store in which `act` happens once, before its first commit is published.
pub(crate) fn before_publish(root: &Root, act: impl FnOnce() + Send + 'static) -> Arc<dyn Store> {
    at_publish(root, When::Before, act)
}

/// A store in which `act` happens once, after its first commit was published and before it is read back.
pub(crate) fn after_publish(root: &Root, act: impl FnOnce() + Send + 'static) -> Arc<dyn Store> {
    at_publish(root, When::After, act)
}

fn at_publish(root: &Root, at: When, act: impl FnOnce() + Send + 'static) -> Arc<dyn Store> {
    let once = Once::new(act);
    Hooked::store(root, move |when, call| {
        if when == at && call.is_commit() {
            once.act();
        }
        Ok(())
    })
}
