//! Files that are changed by others while they are fetched: nothing is said to be whole that is not.

use super::scrub::{damage, damaged};
use super::*;

/// A content of eight pieces that is being fetched: seven have come. All eight.
async fn all_but_the_last<'a>(
    storage: &Addr<Storage>,
    notes: &Notes,
    bytes: &'a [u8],
) -> Vec<(u32, &'a [u8])> {
    notes.is_checked(8).await;
    let pieces: Vec<_> = (0..).zip(bytes.chunks(PIECE)).collect();
    deliver(storage, 1, &pieces[..7]);
    notes
        .wait("seven are stored", |facts| stored(facts).len() == 7)
        .await;
    pieces
}

#[test]
fn what_others_wrote_while_it_was_fetched_is_hashed_before_it_is_said_to_be_whole() {
    on_paused_clock(async |folder| {
        let (path, bytes) = (folder.join("data"), content(8));
        let (storage, notes) = begin(&path, &bytes);
        let pieces = all_but_the_last(&storage, &notes, &bytes).await;
        damage(&path, 2);
        deliver(&storage, 1, &pieces[7..]);
        notes
            .wait("the last is told", |facts| stored(facts).len() == 8)
            .await;
        assert_eq!(damaged(&notes.0.borrow()), [2], "and the damage before it");
        deliver(&storage, 1, &pieces[2..3]);
        notes
            .wait("it is back", |facts| stored(facts).len() == 9)
            .await;
        assert!(fs::read(&path).unwrap() == bytes);
    });
}

/// Another program writes there, in the moment of a write of ours to the file of that number.
#[derive(actix::Message)]
#[rtype(result = "()")]
struct DamageAmidAWrite(PathBuf, usize, u64);

impl Handler<DamageAmidAWrite> for Storage {
    type Result = ();

    fn handle(
        &mut self,
        DamageAmidAWrite(path, number, piece): DamageAmidAWrite,
        _: &mut Context<Self>,
    ) {
        let file = self.state.file.as_ref().unwrap();
        file.amid_a_write(number, || damage(&path, piece));
    }
}

#[test]
fn what_others_write_in_the_moment_of_a_write_of_ours_is_found_when_they_close_the_file() {
    on_paused_clock(async |folder| {
        let (path, bytes) = (folder.join("data"), content(8));
        let (storage, notes) = begin(&path, &bytes);
        let pieces = all_but_the_last(&storage, &notes, &bytes).await;
        let unseen = DamageAmidAWrite(path.clone(), 0, 5);
        storage.send(unseen).await.unwrap();
        deliver(&storage, 1, &pieces[7..]);
        notes
            .wait("the last is told", |facts| stored(facts).len() == 8)
            .await;
        assert_eq!(damaged(&notes.0.borrow()), [5], "and the damage before it");
    });
}

/// Files of a folder are not watched for who closes them.
#[test]
fn whoever_wrote_once_while_it_was_fetched_is_taken_to_have_written_more_often() {
    on_paused_clock(async |folder| {
        let (path, bytes) = (folder.join("data"), content(8));
        let (storage, notes) = begin_folder(&path, &bytes);
        let pieces = all_but_the_last(&storage, &notes, &bytes).await;
        let rest = path.join("rest");
        damage(&rest, 1);
        notes
            .wait("it is found", |facts| damaged(facts) == [2])
            .await;
        deliver(&storage, 1, &pieces[2..3]);
        notes
            .wait("it is back", |facts| stored(facts).len() == 8)
            .await;
        // It is the fourth of the list.
        let unseen = DamageAmidAWrite(rest, 3, 4);
        storage.send(unseen).await.unwrap();
        deliver(&storage, 1, &pieces[7..]);
        notes
            .wait("the last is told", |facts| stored(facts).len() == 9)
            .await;
        assert_eq!(damaged(&notes.0.borrow()), [2, 5]);
    });
}

/// Into a file that is not written to any more, and that nobody has looked at since.
#[test]
fn all_files_are_looked_at_before_a_folder_is_said_to_be_whole() {
    on_paused_clock(async |folder| {
        let (path, bytes) = (folder.join("data"), content(8));
        let (storage, notes) = begin_folder(&path, &bytes);
        let pieces = all_but_the_last(&storage, &notes, &bytes).await;
        damage(&path.join("a/first"), 0);
        deliver(&storage, 1, &pieces[7..]);
        notes
            .wait("the last is told", |facts| stored(facts).len() == 8)
            .await;
        assert_eq!(damaged(&notes.0.borrow()), [0], "and the damage before it");
    });
}
