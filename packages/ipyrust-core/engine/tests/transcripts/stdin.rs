//! Questions to the user.

use std::os::fd::AsFd;
use std::sync::Arc;

use ipyrust_engine::Error;
use ipyrust_engine::input::Question;
use ipyrust_engine::message::Channel::{Control, Shell, Stdin};
use ipyrust_zmq::{Interest, PollItem, poll};
use serde_json::json;

use crate::common::{Client, Kernel, PATIENCE, receive, send};

fn wait_for_answer(question: &Arc<Question>) -> Result<Option<String>, Error> {
    let mut items = [PollItem::fd(question.as_fd(), Interest::READABLE)];
    let patience = i64::try_from(PATIENCE.as_millis()).unwrap();
    assert_eq!(poll(&mut items, patience).unwrap(), 1, "no answer arrived");
    question.answer()
}

#[test]
fn a_question_comes_after_what_was_printed_and_is_answered() {
    let kernel = Kernel::start();
    let client = Client::first_of(&kernel);
    let msg_id = client.execute("input()");
    let request = kernel.next_request();
    kernel.core.enter(&request).unwrap();
    kernel.print(&request, "before");
    let question = kernel.core.ask("name \"?\" \u{1}", true, &request).unwrap();
    let asked = client.receive(Stdin);
    assert_eq!(
        (asked.msg_type(), asked.parent_id()),
        ("input_request", &*msg_id)
    );
    assert_eq!(
        asked.content,
        json!({"prompt": "name \"?\" \u{1}", "password": true})
    );
    assert!(
        client.iopub.events().unwrap().readable,
        "the text is there already"
    );
    client.ask(Stdin, "input_reply", &json!({"value": "Zoë\n😀"}));
    assert_eq!(
        wait_for_answer(&question).unwrap().as_deref(),
        Some("Zoë\n😀")
    );
    kernel
        .core
        .questions
        .withdraw(&request.identities, &question);
}

#[test]
fn everything_else_goes_on_while_a_question_is_open() {
    let kernel = Kernel::start();
    let client = Client::first_of(&kernel);
    client.execute("input()");
    let request = kernel.next_request();
    let _question = kernel.core.ask("", false, &request).unwrap();
    client.receive(Stdin);
    client.assert_alive(Control);
    client.assert_alive(Shell);
}

#[test]
fn an_answer_reaches_the_client_s_own_question() {
    let kernel = Kernel::start();
    let (one, two) = (Client::first_of(&kernel), Client::of(&kernel));
    one.execute("");
    let first = kernel.next_request();
    two.execute("");
    let second = kernel.next_request();
    let questions = [&first, &second].map(|request| kernel.core.ask("", false, request).unwrap());
    two.ask(Stdin, "input_reply", &json!({"value": "two"}));
    assert_eq!(
        wait_for_answer(&questions[1]).unwrap().as_deref(),
        Some("two")
    );
    one.ask(Stdin, "input_reply", &json!({"value": "one"}));
    assert_eq!(
        wait_for_answer(&questions[0]).unwrap().as_deref(),
        Some("one")
    );
}

#[test]
fn an_answer_without_text_is_an_error() {
    let kernel = Kernel::start();
    let client = Client::first_of(&kernel);
    client.execute("");
    let request = kernel.next_request();
    for content in [
        json!({}),
        json!({"value": 1}),
        json!([]),
        json!({"value": null}),
    ] {
        let question = kernel.core.ask("", false, &request).unwrap();
        client.ask(Stdin, "input_reply", &content);
        assert!(
            matches!(wait_for_answer(&question), Err(Error::BadInputReply)),
            "{content}"
        );
        kernel
            .core
            .questions
            .withdraw(&request.identities, &question);
    }
}

#[test]
fn a_question_waits_for_a_client_that_connects_its_sockets_one_by_one() {
    let kernel = Kernel::start();
    let client = Client::first_of(&kernel);
    let shell = client.dealer("late", "shell_port");
    let header = br#"{"msg_id":"1","msg_type":"execute_request","session":"late"}"#;
    send(&shell, &client.sign(header, b"{}"));
    let request = kernel.next_request();
    let _question = kernel.core.ask("late?", false, &request).unwrap();
    client.assert_alive(Control); // The question came before; it has found nobody.
    let stdin = client.dealer("late", "stdin_port");
    assert_eq!(client.open(receive(&stdin)).content["prompt"], "late?");
}
