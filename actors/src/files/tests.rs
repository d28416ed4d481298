use std::ops::Range;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rustix::fs::{Mode, OFlags};
use tempfile::TempDir;

use super::faults::{Disk, Effect, Errno, Fault, Operation};
use super::*;

fn on(operation: Operation, range: Range<u64>, effect: Effect) -> Fault {
    Fault {
        range,
        ..Fault::on(operation, effect)
    }
}

/// A folder with a disk, and a file of ten digits in it.
fn stage() -> (TempDir, Disk, File) {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("data"), "0123456789").unwrap();
    let disk = Disk::of(folder.path());
    let file = File::open_or_create(&folder.path().join("data")).unwrap();
    (folder, disk, file)
}

fn read(file: &File, range: Range<u64>) -> Result<String, Option<i32>> {
    let mut buffer = vec![0; (range.end - range.start) as usize];
    let read = file.read_exact_at(&mut buffer, range.start);
    read.map_err(|error| error.raw_os_error())?;
    Ok(String::from_utf8_lossy(&buffer).into_owned())
}

fn is(error: &io::Error, number: Errno) -> bool {
    error.raw_os_error() == Some(number.raw_os_error())
}

#[test]
fn a_range_that_cannot_be_read_fails_and_the_rest_does_not_until_it_is_mended() {
    let (_folder, disk, file) = stage();
    let fault = disk.add(on(Operation::Read, 4..6, Effect::Fails(Errno::IO)));
    assert_eq!(read(&file, 0..4), Ok("0123".to_owned()));
    assert_eq!(read(&file, 0..5), Err(Some(Errno::IO.raw_os_error())));
    assert_eq!(read(&file, 5..6), Err(Some(Errno::IO.raw_os_error())));
    assert_eq!(read(&file, 6..10), Ok("6789".to_owned()));
    assert_eq!((disk.befallen(fault), disk.mend(fault)), (2, 2));
    assert_eq!(read(&file, 0..10), Ok("0123456789".to_owned()));
}

#[test]
fn a_fault_may_come_later_and_pass() {
    let (_folder, disk, file) = stage();
    disk.add(Fault {
        after: 1,
        times: 2,
        ..Fault::on(Operation::Write, Effect::Fails(Errno::NOSPC))
    });
    let write = || file.write_all_at(b"x", 0);
    assert!(write().is_ok());
    assert!(is(&write().unwrap_err(), Errno::NOSPC) && is(&write().unwrap_err(), Errno::NOSPC));
    assert!(write().is_ok());
    assert_eq!(disk.count(Operation::Write), 4);
}

#[test]
fn a_write_that_is_cut_short_leaves_what_it_had_written() {
    let (folder, disk, file) = stage();
    disk.add(Fault::on(Operation::Write, Effect::Short(3)));
    disk.add(Fault {
        after: 1,
        ..Fault::on(Operation::Write, Effect::Fails(Errno::NOSPC))
    });
    assert!(file.write_all_at(b"abcdef", 2).is_err());
    let left = fs::read(folder.path().join("data")).unwrap();
    assert_eq!(left, b"01abc56789");
    disk.mend_all();
    disk.add(Fault::on(Operation::Read, Effect::Short(1)));
    assert_eq!(read(&file, 0..10), Ok("01abc56789".to_owned()));
    assert_eq!(disk.count(Operation::Read), 10);
}

#[test]
fn what_a_disk_lies_about_is_still_there() {
    let (folder, disk, file) = stage();
    let lie = disk.add(on(Operation::Read, 3..5, Effect::Lies(1)));
    assert_eq!(read(&file, 0..10), Ok("0122556789".to_owned()));
    disk.mend(lie);
    assert_eq!(read(&file, 0..10), Ok("0123456789".to_owned()));
    assert_eq!(fs::read(folder.path().join("data")).unwrap(), b"0123456789");
}

#[test]
fn a_slow_disk_holds_up_whoever_calls_it() {
    let (_folder, disk, file) = stage();
    let by = Duration::from_millis(20);
    disk.add(Fault {
        times: 1,
        ..Fault::on(Operation::Read, Effect::Slow(by))
    });
    let begun = Instant::now();
    read(&file, 0..1).unwrap();
    assert!(begun.elapsed() >= by);
}

#[test]
fn opening_resizing_and_looking_fail_as_they_are_told() {
    let (folder, disk, file) = stage();
    let path = folder.path().join("data");
    disk.add(Fault::on(
        Operation::OpenToWrite,
        Effect::Fails(Errno::ROFS),
    ));
    assert!(is(&File::open_or_create(&path).unwrap_err(), Errno::ROFS));
    assert!(is(&File::unnamed(folder.path()).unwrap_err(), Errno::ROFS));
    let root = rustix::fs::open(folder.path(), OFlags::DIRECTORY, Mode::empty()).unwrap();
    let reopened = |flags| open_at(root.as_fd(), "data", flags, Mode::empty());
    assert_eq!(reopened(OFlags::RDWR).err(), Some(Errno::ROFS));
    assert!(reopened(OFlags::RDONLY).is_ok() && File::open(&path).is_ok());
    disk.add(Fault::on(Operation::Open, Effect::Fails(Errno::MFILE)));
    assert!(is(&File::open(&path).unwrap_err(), Errno::MFILE));
    disk.add(Fault::on(Operation::Resize, Effect::Fails(Errno::NOSPC)));
    assert!(is(&file.set_len(3).unwrap_err(), Errno::NOSPC));
    disk.add(Fault::on(Operation::Look, Effect::Fails(Errno::IO)));
    assert!(file.look().is_err() && look(&path).is_err());
    assert!(look_at(root.as_fd(), "data").is_err());
    drop(disk);
    let file = File::open_or_create(&path).unwrap();
    assert_eq!(file.look().unwrap().length, 10);
}

#[test]
fn only_the_named_file_of_a_folder_is_befallen() {
    let (folder, disk, file) = stage();
    disk.add(Fault {
        file: Some("data".into()),
        ..Fault::on(Operation::Read, Effect::Fails(Errno::IO))
    });
    let inner = folder.path().join("inner");
    fs::create_dir(&inner).unwrap();
    fs::write(inner.join("other"), "x").unwrap();
    assert!(read(&file, 0..1).is_err());
    let other = File::open(&inner.join("other")).unwrap();
    assert_eq!(read(&other, 0..1), Ok("x".to_owned()));
}

#[test]
fn a_judge_sees_every_write_and_a_clock_gives_files_their_times() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("data");
    let seen = Arc::new(Mutex::new(Vec::new()));
    let time = Arc::new(Mutex::new((0, 0)));
    let (saw, now) = (Arc::clone(&seen), Arc::clone(&time));
    let judge = move |path: &Path, at: u64, bytes: &[u8]| {
        let name = path.file_name().unwrap().to_owned();
        saw.lock().unwrap().push((name, at, bytes.to_vec()));
    };
    let clock = move || *now.lock().unwrap();
    let disk = Disk::with(folder.path(), Some(Box::new(judge)), Some(Box::new(clock)));
    let file = File::open_or_create(&path).unwrap();
    let stamp = || file.look().unwrap().stamp;
    let untouched = stamp();
    *time.lock().unwrap() = (7, 0);
    file.write_all_at(b"abc", 5).unwrap();
    assert_eq!(*seen.lock().unwrap(), [("data".into(), 5, b"abc".to_vec())]);
    let written = stamp();
    assert_ne!(written, untouched);
    fs::write(&path, "by somebody else").unwrap();
    assert_eq!(stamp(), written, "the disk's clock was not looked at");
    *time.lock().unwrap() = (8, 0);
    disk.touch(&path);
    assert_ne!(stamp(), written);
    assert_eq!(look(&path).unwrap().stamp, stamp());
}

#[test]
fn a_hole_is_where_nobody_has_written() {
    const KIB: u64 = 1024;
    let folder = tempfile::tempdir().unwrap();
    let file = File::open_or_create(&folder.path().join("data")).unwrap();
    file.set_len(1024 * KIB).unwrap();
    let one = |range: Range<u64>| Vec::from_iter(Some(range));
    assert_eq!(file.holes(0..1024 * KIB), one(0..1024 * KIB));
    assert_eq!(file.holes(5..1000), one(5..1000));
    assert!(file.holes(5..5).is_empty());
    // Zeros are no hole either.
    for at in [0, 256 * KIB, 1023 * KIB] {
        file.write_all_at(&[0; 10], at).unwrap();
    }
    let holes = file.holes(0..1024 * KIB);
    let lies_in = |at: u64| holes.iter().any(|hole| hole.contains(&at));
    for at in [0, 9, 256 * KIB, 256 * KIB + 9, 1023 * KIB] {
        assert!(!lies_in(at), "{at}: {holes:?}");
    }
    for at in [128 * KIB, 512 * KIB, 900 * KIB] {
        assert!(lies_in(at), "{at}: {holes:?}");
    }
    let clipped = file.holes(100 * KIB..200 * KIB);
    assert_eq!(clipped, one(100 * KIB..200 * KIB));
}
