//! Header + channel → where a request goes. A pure function, so that it can be read as a table.

use crate::message::{Channel, Header};

/// Requests that the I/O thread answers itself, without Python.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// kernel_info_request.
    KernelInfo,
    /// connect_request.
    Connect,
    /// interrupt_request.
    Interrupt,
    /// shutdown_request.
    Shutdown,
    /// usage_request.
    Usage,
    /// replay_request.
    Replay,
    /// create_subshell_request.
    CreateSubshell,
    /// delete_subshell_request.
    DeleteSubshell,
    /// list_subshell_request.
    ListSubshell,
}

/// Where a request goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Route {
    /// Answer at once.
    Answer(Answer),
    /// Wait for the main thread.
    Main,
    /// Wait for the thread of the subshell that the header names.
    Subshell,
    /// Wait for the control thread.
    Control,
    /// Wait for the control thread, but not for long: see [`crate::stacks`].
    Stacks,
    /// Answer with an error: nobody knows this type.
    Unknown,
}

/// Decide where a request goes.
#[must_use]
pub fn route(channel: Channel, header: &Header) -> Route {
    let answer = match header.msg_type.as_str() {
        "kernel_info_request" => Answer::KernelInfo,
        "connect_request" => Answer::Connect,
        "interrupt_request" => Answer::Interrupt,
        "shutdown_request" => Answer::Shutdown,
        "usage_request" => Answer::Usage,
        "replay_request" => Answer::Replay,
        "create_subshell_request" => Answer::CreateSubshell,
        "delete_subshell_request" => Answer::DeleteSubshell,
        "list_subshell_request" => Answer::ListSubshell,
        "debug_request" => return Route::Control,
        "stack_request" if channel == Channel::Control => return Route::Stacks,
        "execute_request"
        | "complete_request"
        | "inspect_request"
        | "is_complete_request"
        | "history_request"
        | "comm_info_request"
        | "comm_open"
        | "comm_msg"
        | "comm_close" => {
            return match (channel, &header.subshell_id) {
                (Channel::Shell, Some(_)) => Route::Subshell,
                _ => Route::Main,
            };
        }
        _ => return Route::Unknown,
    };
    let control_only = matches!(
        answer,
        Answer::Usage
            | Answer::Replay
            | Answer::CreateSubshell
            | Answer::DeleteSubshell
            | Answer::ListSubshell
    );
    if control_only && channel != Channel::Control {
        Route::Unknown
    } else {
        Route::Answer(answer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn table() {
        use Channel::{Control, Shell};
        for (channel, msg_type, subshell, expected) in [
            (Shell, "execute_request", None, Route::Main),
            (Shell, "execute_request", Some("a"), Route::Subshell),
            (Control, "execute_request", Some("a"), Route::Main),
            (Shell, "comm_msg", Some("a"), Route::Subshell),
            (
                Shell,
                "kernel_info_request",
                Some("a"),
                Route::Answer(Answer::KernelInfo),
            ),
            (
                Control,
                "kernel_info_request",
                None,
                Route::Answer(Answer::KernelInfo),
            ),
            (
                Shell,
                "interrupt_request",
                None,
                Route::Answer(Answer::Interrupt),
            ),
            (Shell, "usage_request", None, Route::Unknown),
            (Control, "usage_request", None, Route::Answer(Answer::Usage)),
            (
                Control,
                "replay_request",
                None,
                Route::Answer(Answer::Replay),
            ),
            (Shell, "replay_request", None, Route::Unknown),
            (Control, "debug_request", None, Route::Control),
            (Control, "stack_request", None, Route::Stacks),
            (Shell, "stack_request", None, Route::Unknown),
            (Shell, "create_subshell_request", None, Route::Unknown),
            (
                Control,
                "list_subshell_request",
                None,
                Route::Answer(Answer::ListSubshell),
            ),
            (Shell, "bogus_request", None, Route::Unknown),
        ] {
            let header = Header {
                msg_id: "1".into(),
                msg_type: msg_type.into(),
                session: String::new(),
                subshell_id: subshell.map(Into::into),
            };
            assert_eq!(
                route(channel, &header),
                expected,
                "{channel:?} {msg_type} {subshell:?}"
            );
        }
    }
}
