//! `poll` over sockets and file descriptors.

use std::io::{Read, Write};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;

use ipyrust_zmq::{Events, Interest, PollItem, SocketKind, poll};

use crate::support::*;

#[test]
fn tells_sockets_from_descriptors() {
    let context = context();
    let (router, dealer) = (
        socket(&context, SocketKind::Router),
        socket(&context, SocketKind::Dealer),
    );
    dealer.connect(&bind_tcp(&router)).unwrap();
    let (mut bell, mut ear) = UnixStream::pair().unwrap();
    let ear_fd = ear.try_clone().unwrap();
    let mut items = [
        PollItem::socket(&router, Interest::READABLE),
        PollItem::fd(ear_fd.as_fd(), Interest::READABLE),
    ];
    assert_eq!(poll(&mut items, 0).unwrap(), 0);

    bell.write_all(b"!").unwrap();
    assert_eq!(poll(&mut items, PATIENCE_MS.into()).unwrap(), 1);
    assert_eq!(
        [items[0].ready(), items[1].ready()],
        [Events::NONE, Events::READABLE]
    );
    ear.read_exact(&mut [0]).unwrap();

    send(&dealer, &["hello"]);
    assert_eq!(poll(&mut items, PATIENCE_MS.into()).unwrap(), 1);
    assert_eq!(
        [items[0].ready(), items[1].ready()],
        [Events::READABLE, Events::NONE]
    );
    assert_eq!(receive(&router)[1], "hello");
    assert_eq!(poll(&mut items, 0).unwrap(), 0);
    assert!(items[0].ready().is_empty());
}

#[test]
fn a_bell_from_another_thread_wakes_it() {
    let (mut bell, ear) = UnixStream::pair().unwrap();
    let ringer = std::thread::spawn(move || {
        bell.write_all(b"!").unwrap();
        bell
    });
    let mut items = [PollItem::fd(ear.as_fd(), Interest::READABLE)];
    assert_eq!(poll(&mut items, PATIENCE_MS.into()).unwrap(), 1);
    ringer.join().unwrap();
}

#[test]
fn a_closed_descriptor_is_ready_for_what_it_waited_for() {
    let (bell, ear) = UnixStream::pair().unwrap();
    drop(bell);
    let mut items = [PollItem::fd(ear.as_fd(), Interest::READABLE)];
    assert_eq!(poll(&mut items, PATIENCE_MS.into()).unwrap(), 1);
    assert_eq!(items[0].ready(), Events::READABLE);
}

#[test]
fn interest_can_change() {
    let (_bell, ear) = UnixStream::pair().unwrap();
    let mut items = [PollItem::fd(ear.as_fd(), Interest::READABLE)];
    assert_eq!(poll(&mut items, 0).unwrap(), 0);
    items[0].set_interest(Interest::BOTH);
    assert_eq!(poll(&mut items, 0).unwrap(), 1);
    assert_eq!(items[0].ready(), Events::WRITABLE);
}

#[test]
fn refuses_to_wait_for_nothing() {
    assert!(poll(&mut [], 0).is_err());
}
