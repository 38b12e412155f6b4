//! Subshells: opened and closed on control, addressed by a header field on shell (JEP 91).

use std::sync::atomic::Ordering;

use ipyrust_engine::Error;
use ipyrust_engine::message::Channel::{Control, Shell};
use serde_json::{Value, json};

use crate::common::{Client, Kernel};

fn create(client: &Client) -> String {
    client.ask(Control, "create_subshell_request", &json!({}));
    let content = client.receive(Control).content;
    assert_eq!(content["status"], "ok");
    content["subshell_id"].as_str().unwrap().to_owned()
}

fn delete(client: &Client, id: &Value) -> Value {
    client.ask(
        Control,
        "delete_subshell_request",
        &json!({"subshell_id": id}),
    );
    client.receive(Control).content
}

fn list(client: &Client) -> Vec<String> {
    client.ask(Control, "list_subshell_request", &json!({}));
    serde_json::from_value(client.receive(Control).content["subshell_id"].clone()).unwrap()
}

fn execute_in(client: &Client, id: &str) -> String {
    let (content, more) = (json!({"code": ""}), json!({"subshell_id": id}));
    client.ask_with(Shell, "execute_request", &content, &more)
}

#[test]
fn create_list_delete() {
    let kernel = Kernel::start();
    let client = Client::first_of(&kernel);
    assert!(list(&client).is_empty());
    let mut created = [create(&client), create(&client)];
    created.sort();
    assert_eq!(list(&client), created);
    assert!(
        kernel.control_needed.load(Ordering::SeqCst),
        "its thread is Python's work"
    );
    assert_eq!(delete(&client, &json!(created[0])), json!({"status": "ok"}));
    assert_eq!(list(&client), created[1..]);
}

#[test]
fn requests_go_to_the_subshell_that_they_name() {
    let kernel = Kernel::start();
    let client = Client::first_of(&kernel);
    let ids = [create(&client), create(&client)];
    let asked = [
        client.execute(""),
        execute_in(&client, &ids[0]),
        execute_in(&client, &ids[1]),
    ];
    let (one, two) = (
        kernel.core.subshell(&ids[0]).unwrap(),
        kernel.core.subshell(&ids[1]).unwrap(),
    );
    let found = [
        kernel.next_request(),
        kernel.next_of(&one),
        kernel.next_of(&two),
    ];
    assert_eq!(
        found
            .each_ref()
            .map(|request| request.header.msg_id.clone()),
        asked
    );
    for request in found {
        kernel.serve(&request, "{}");
        assert_eq!(client.receive(Shell).parent_id(), request.header.msg_id);
        assert_eq!(client.transcript(&request.header.msg_id), ["busy", "idle"]);
    }
}

#[test]
fn an_abort_hits_one_subshell_only() {
    let kernel = Kernel::start();
    let client = Client::first_of(&kernel);
    let id = create(&client);
    let queue = kernel.core.subshell(&id).unwrap();
    execute_in(&client, &id);
    client.assert_alive(Shell);
    let failed = kernel.core.take(&queue, false).unwrap().unwrap();
    let in_subshell = execute_in(&client, &id);
    let in_main = client.execute("");
    client.assert_alive(Shell);
    assert_eq!(
        kernel
            .core
            .abort_pending(&queue, &failed, std::time::Duration::ZERO)
            .unwrap(),
        1
    );
    assert!(kernel.core.take(&queue, false).unwrap().is_none());
    let reply = client.receive(Shell);
    assert_eq!(
        (reply.parent_id(), &reply.content["status"]),
        (&*in_subshell, &json!("aborted"))
    );
    assert_eq!(kernel.next_request().header.msg_id, in_main);
}

#[test]
fn an_unknown_subshell_gets_an_error_reply() {
    let kernel = Kernel::start();
    let client = Client::first_of(&kernel);
    for (msg_type, content) in [
        ("execute_request", json!({"code": "never"})),
        ("complete_request", json!({"code": "", "cursor_pos": 0})),
    ] {
        let msg_id = client.ask_with(Shell, msg_type, &content, &json!({"subshell_id": "nope\""}));
        let reply = client.receive(Shell);
        assert_eq!(reply.parent_id(), msg_id);
        assert_eq!(reply.content["ename"], "UnknownSubshellError");
        assert_eq!(client.transcript(&msg_id), ["busy", "idle"]);
    }
    assert_eq!(kernel.core.shell.len(), 0);
}

#[test]
fn deleting_what_does_not_exist_is_an_error() {
    let kernel = Kernel::start();
    let client = Client::first_of(&kernel);
    for id in [json!("nope"), json!(null), json!(7)] {
        assert_eq!(delete(&client, &id)["status"], "error");
    }
}

#[test]
fn what_waits_in_a_deleted_subshell_is_answered() {
    let kernel = Kernel::start();
    let client = Client::first_of(&kernel);
    let id = create(&client);
    let waiting = execute_in(&client, &id);
    client.assert_alive(Shell);
    let queue = kernel.core.subshell(&id).unwrap();
    assert_eq!(queue.len(), 1);
    assert_eq!(delete(&client, &json!(id))["status"], "ok");
    let reply = client.receive(Shell);
    assert_eq!(
        (reply.parent_id(), &reply.content["status"]),
        (&*waiting, &json!("error"))
    );
    assert_eq!(client.transcript(&waiting), ["busy", "idle"]);
    assert!(matches!(
        kernel.core.take(&queue, false),
        Err(Error::Closed)
    ));
    assert!(matches!(
        kernel.core.subshell(&id),
        Err(Error::UnknownSubshell(_))
    ));
}

#[test]
fn there_is_a_bound() {
    let kernel = Kernel::start();
    let client = Client::first_of(&kernel);
    for _ in 0..ipyrust_engine::core::MAX_SUBSHELLS {
        create(&client);
    }
    client.ask(Control, "create_subshell_request", &json!({}));
    let content = client.receive(Control).content;
    assert_eq!(content["status"], "error");
    assert!(
        content["evalue"]
            .as_str()
            .unwrap()
            .contains("delete one first")
    );
}
