//! The queues of the open subshells.

use std::sync::Arc;

use super::Core;
use crate::error::{Error, Result};
use crate::queue::RequestQueue;

/// Subshells that may be open at once.
pub const MAX_SUBSHELLS: usize = 256;

impl Core {
    /// The queue of an open subshell.
    ///
    /// # Errors
    /// [`Error::UnknownSubshell`].
    pub fn subshell(&self, subshell_id: &str) -> Result<Arc<RequestQueue>> {
        self.subshells
            .lock()
            .get(subshell_id)
            .cloned()
            .ok_or_else(|| Error::UnknownSubshell(subshell_id.to_owned()))
    }

    /// Close a subshell's queue; what waited in it is answered with an error. Unknown ids are ignored.
    pub fn close_subshell(&self, subshell_id: &str) {
        let Some(queue) = self.subshells.lock().remove(subshell_id) else {
            return;
        };
        self.comm_routes.subshell_gone(subshell_id);
        self.close_queue(
            &queue,
            "SubshellDeleted",
            "the subshell was deleted before it got to this",
        );
    }

    /// Ids of the open subshells.
    #[must_use]
    pub fn subshell_ids(&self) -> Vec<String> {
        self.subshells.lock().keys().cloned().collect()
    }
}
