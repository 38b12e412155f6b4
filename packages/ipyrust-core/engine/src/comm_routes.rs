//! Which subshell gets the answer on a comm.
//!
//! Frontends send a comm's messages to the main shell or to a subshell of their own, whoever asked. A cell of a subshell
//! that waits for the answer to what it sent would wait for ever. So the one who sent last on a comm gets what comes
//! on it; and where messages carry an id (`data.content.id`), the one who sent that id.
//!
//! Empty until a subshell sends on a comm, and then nothing is parsed.

use std::collections::{BTreeMap, HashMap, VecDeque};

use parking_lot::Mutex;
use serde::Deserialize;

/// Comms that can be routed at once; beyond it the oldest loses its route.
const MAX_COMMS: usize = 10_000;
/// Ids that may wait for their answer on one comm; beyond it the oldest is forgotten.
const MAX_IDS: usize = 1000;

/// A subshell, or the main shell.
pub type Subshell = Option<String>;

#[derive(Debug, Default)]
struct Comm {
    last: Subshell,
    by_id: HashMap<String, Subshell>,
    ids: VecDeque<String>,
}

#[derive(Debug, Default)]
struct State {
    comms: BTreeMap<String, Comm>,
    order: VecDeque<String>,
}

/// All routes.
#[derive(Debug, Default)]
pub struct CommRoutes {
    state: Mutex<State>,
}

#[derive(Deserialize)]
struct CommContent {
    #[serde(default)]
    comm_id: String,
    #[serde(default)]
    data: serde_json::Value,
}

impl CommRoutes {
    /// Note that `subshell` sent on a comm, with this id if the message has one.
    pub fn sent(&self, comm_id: &str, id: Option<&str>, subshell: Subshell) {
        let mut state = self.state.lock();
        if !state.comms.contains_key(comm_id) {
            if subshell.is_none() {
                return; // The main shell is where everything goes anyhow.
            }
            state.order.push_back(comm_id.to_owned());
            if state.order.len() > MAX_COMMS
                && let Some(oldest) = state.order.pop_front()
            {
                state.comms.remove(&oldest);
            }
        }
        let comm = state.comms.entry(comm_id.to_owned()).or_default();
        comm.last.clone_from(&subshell);
        if let Some(id) = id {
            comm.by_id.insert(id.to_owned(), subshell);
            comm.ids.push_back(id.to_owned());
            if comm.ids.len() > MAX_IDS
                && let Some(oldest) = comm.ids.pop_front()
            {
                comm.by_id.remove(&oldest);
            }
        }
    }

    /// Where a message on a comm goes; None = where its header says.
    pub fn find(&self, content: &[u8]) -> Option<Subshell> {
        let mut state = self.state.lock();
        if state.comms.is_empty() {
            return None;
        }
        let content: CommContent = serde_json::from_slice(content).ok()?;
        let comm = state.comms.get_mut(&content.comm_id)?;
        let id = content
            .data
            .get("content")
            .and_then(|inner| inner.get("id"))
            .and_then(|id| id.as_str());
        // Where the main shell sent last the address in the header stands: the frontend may have a subshell for the comm.
        id.and_then(|id| comm.by_id.remove(id))
            .or_else(|| comm.last.clone().map(Some))
    }

    /// Forget a comm that was closed.
    pub fn closed(&self, comm_id: &str) {
        let mut state = self.state.lock();
        if state.comms.remove(comm_id).is_some() {
            state.order.retain(|each| each != comm_id);
        }
    }

    /// Forget a subshell that was deleted: its comms go to the main shell again.
    pub fn subshell_gone(&self, subshell_id: &str) {
        let mut state = self.state.lock();
        state
            .comms
            .retain(|_, comm| comm.last.as_deref() != Some(subshell_id));
        let State { comms, order } = &mut *state;
        order.retain(|each| comms.contains_key(each));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn content(comm_id: &str, id: &str) -> Vec<u8> {
        format!("{{\"comm_id\":\"{comm_id}\",\"data\":{{\"content\":{{\"id\":\"{id}\"}}}}}}")
            .into_bytes()
    }

    #[test]
    fn answers_go_to_who_sent_last_or_sent_the_id() {
        let routes = CommRoutes::default();
        routes.sent("c", None, None);
        assert_eq!(routes.find(&content("c", "1")), None);
        routes.sent("c", Some("1"), Some("a".into()));
        routes.sent("c", None, None);
        assert_eq!(routes.find(&content("c", "1")), Some(Some("a".into())));
        assert_eq!(
            routes.find(&content("c", "1")),
            None,
            "an id is answered once"
        );
        assert_eq!(routes.find(&content("d", "1")), None);
        assert_eq!(routes.find(b"[]"), None);
    }

    #[test]
    fn deleted_subshells_and_closed_comms_are_forgotten() {
        let routes = CommRoutes::default();
        routes.sent("c", None, Some("a".into()));
        routes.sent("d", None, Some("b".into()));
        routes.subshell_gone("a");
        assert_eq!(routes.find(&content("c", "")), None);
        routes.closed("d");
        assert_eq!(routes.find(&content("d", "")), None);
        assert!(routes.state.lock().order.is_empty());
    }

    #[test]
    fn is_bounded() {
        let routes = CommRoutes::default();
        for number in 0..MAX_COMMS + 5 {
            routes.sent(&number.to_string(), None, Some("a".into()));
        }
        assert_eq!(routes.state.lock().comms.len(), MAX_COMMS);
        for number in 0..MAX_IDS + 5 {
            routes.sent("9999", Some(&number.to_string()), Some("a".into()));
        }
        assert_eq!(
            routes.state.lock().comms.get("9999").unwrap().by_id.len(),
            MAX_IDS
        );
    }
}
