//! A damaged database is never started over silently: it is moved aside under a name with the time, and what can be read of
//! it is kept.

use super::{
    StoreError, checksum, files,
    open::{self, Loaded},
    schema,
};
use crate::clock;
use rusqlite::{Connection, OpenFlags, config::DbConfig, params_from_iter, types::Value};
use std::{
    fs, io,
    path::{Path, PathBuf},
};

/// Makes a new database of what can be read, moves the damaged one aside and puts the new one in its place; `notices` says so.
/// Until the new one is complete, the damaged one stays where it is: a crash or a full disk on the way loses nothing.
pub(super) fn replace(path: &Path, fault: &StoreError, notices: &mut Vec<String>) -> Result<Loaded, StoreError> {
    let fresh = files::side_file(path, ".rescue");
    for suffix in ["", "-wal", "-shm"] {
        let _ = fs::remove_file(files::side_file(&fresh, suffix));
    }
    drop(open::load(&fresh)?);
    let kept = copy(path, &fresh)?;
    let aside = move_aside(path)?;
    fs::rename(&fresh, path).map_err(files::unwritable(path))?;
    notices.push(format!(
        "the database {} was damaged ({fault}); it has been moved to {}, and a new one holds what could be read of it: {}",
        path.display(),
        aside.display(),
        kept.describe(),
    ));
    open::load(path)
}

/// There is no database: where a ccxwatch has worked here before, or left a log without its database, it says so.
pub(super) fn without_database(path: &Path, used_before: bool, notices: &mut Vec<String>) -> Result<(), StoreError> {
    let log = files::side_file(path, "-wal");
    let has_log = fs::metadata(&log).is_ok_and(|metadata| metadata.len() > 0);
    if has_log {
        let aside = move_aside(path)?;
        notices.push(format!(
            "the database {} is missing, only its log was there; the log has been moved to {}, ccxwatch starts with nothing \
             known",
            path.display(),
            files::side_file(&aside, "-wal").display()
        ));
    } else if used_before {
        notices.push(format!(
            "the database {} is missing although ccxwatch has worked here before; it starts with nothing known",
            path.display()
        ));
    }
    Ok(())
}

fn move_aside(path: &Path) -> Result<PathBuf, StoreError> {
    let stamp = clock::wall().strftime("%Y%m%dT%H%M%SZ").to_string();
    let mut aside = files::side_file(path, &format!(".damaged-{stamp}"));
    let mut number = 2;
    while aside.exists() || files::side_file(&aside, "-wal").exists() {
        aside = files::side_file(path, &format!(".damaged-{stamp}.{number}"));
        number += 1;
    }
    for suffix in ["", "-wal", "-shm"] {
        let from = files::side_file(path, suffix);
        match fs::rename(&from, files::side_file(&aside, suffix)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(files::unwritable(&from)(error)),
            _ => {}
        }
    }
    Ok(aside)
}

/// Rows kept, and whether those were all.
#[derive(Debug, Default)]
struct Kept {
    tables: Vec<(&'static str, usize, bool)>,
}

impl Kept {
    fn whole(&self, name: &str) -> bool {
        self.tables.iter().any(|&(table, _, whole)| table == name && whole)
    }

    fn describe(&self) -> String {
        let words: Vec<String> = self
            .tables
            .iter()
            .filter(|(table, ..)| *table != "meta")
            .map(|(table, count, whole)| format!("{table} {count}{}", if *whole { "" } else { " (not all)" }))
            .collect();
        words.join(", ")
    }
}

fn copy(damaged: &Path, fresh: &Path) -> Result<Kept, StoreError> {
    let mut kept = Kept::default();
    let mut new = open::connect(fresh)?;
    let writing = new.transaction().map_err(StoreError::sqlite("keeping what can be read"))?;
    let old = read_only(damaged);
    for &(table, columns) in schema::COLUMNS {
        let (mut count, mut whole) = match &old {
            Ok(old) => copy_table(old, &writing, table, columns)?,
            Err(_) => (0, false),
        };
        let wrong = drop_wrong_checksums(&writing, table)?;
        count -= wrong.min(count);
        whole &= wrong == 0;
        kept.tables.push((table, count, whole));
    }
    let run = |sql| writing.execute_batch(sql).map_err(StoreError::sqlite("keeping what can be read"));
    if !kept.whole("state") {
        // The engine forgets part of what it knew and may count episodes anew: the record of what was told must not silence
        // them. Rather told twice than never.
        run("DELETE FROM told")?;
    }
    if kept.tables.iter().any(|(.., whole)| !whole) {
        // Numbers may be used again: a new id keeps Message-IDs apart from those of mails that are already out.
        run("INSERT OR REPLACE INTO meta VALUES ('identity', lower(hex(randomblob(8))))")?;
    }
    writing.commit().map_err(StoreError::sqlite("keeping what can be read"))?;
    // Closing moves the log into the database, which is then one file.
    new.close().map_err(|(_, source)| StoreError::Sqlite { doing: "keeping what can be read", source })?;
    Ok(kept)
}

fn read_only(damaged: &Path) -> rusqlite::Result<Connection> {
    // Not read-only for SQLite: it has to read the log, too. Closing must not change the file.
    let old =
        Connection::open_with_flags(damaged, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    old.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    old.execute_batch("PRAGMA query_only = ON; PRAGMA cell_size_check = ON;")?;
    Ok(old)
}

/// Copies from the front up to the first fault, then from the back.
fn copy_table(old: &Connection, new: &Connection, table: &str, columns: &str) -> Result<(usize, bool), StoreError> {
    let places = vec!["?"; columns.split(',').count()].join(", ");
    let insert = format!("INSERT OR REPLACE INTO {table} ({columns}) VALUES ({places})");
    let mut insert = new.prepare(&insert).map_err(StoreError::sqlite("keeping what can be read"))?;
    let mut kept = 0;
    // A version before the table had nothing to lose.
    let known = "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = ?";
    if old.query_row(known, [table], |row| row.get::<_, i64>(0)).is_ok_and(|count| count == 0) && table == "ledger" {
        return Ok((0, true));
    }
    for order in ["", "DESC"] {
        let key = columns.split(", ").take(if table == "told" { 3 } else { 1 });
        let by: Vec<String> = key.map(|column| format!("{column} {order}")).collect();
        let sql = format!("SELECT {columns} FROM {table} ORDER BY {}", by.join(", "));
        let Ok(mut select) = old.prepare(&sql) else { return Ok((kept, false)) };
        let width = select.column_count();
        let Ok(mut rows) = select.query([]) else { return Ok((kept, false)) };
        loop {
            match rows.next() {
                Ok(Some(row)) => {
                    let Ok(values) = (0..width).map(|at| row.get(at)).collect::<rusqlite::Result<Vec<Value>>>() else {
                        continue;
                    };
                    // A row that breaks the new table's rules is damaged itself; what it lacks shows as "not all".
                    if insert.execute(params_from_iter(values)).is_ok() {
                        kept += 1;
                    }
                }
                Ok(None) if order.is_empty() => return Ok((kept, true)),
                Ok(None) | Err(_) => break,
            }
        }
    }
    Ok((kept, false))
}

fn drop_wrong_checksums(new: &Connection, table: &str) -> Result<usize, StoreError> {
    let (key, parts) = match table {
        "state" | "positions" => ("key", "key, json"),
        "alerts" => ("episode", "episode, json"),
        "notifications" => ("id", "'', json"),
        _ => return Ok(0),
    };
    let failed = StoreError::sqlite("checking what could be read");
    let mut wrong: Vec<Value> = Vec::new();
    let mut select = new.prepare(&format!("SELECT {key}, checksum, {parts} FROM {table}")).map_err(&failed)?;
    let mut rows = select.query([]).map_err(&failed)?;
    while let Some(row) = rows.next().map_err(&failed)? {
        let right = (|| -> rusqlite::Result<bool> {
            let (first, json): (String, String) = (row.get(2)?, row.get(3)?);
            let sum = if first.is_empty() { checksum::of(&[&json]) } else { checksum::of(&[&first, &json]) };
            Ok(sum == row.get::<_, i64>(1)?)
        })();
        if !right.unwrap_or(false) {
            wrong.push(row.get(0).map_err(&failed)?);
        }
    }
    drop(rows);
    for key_value in &wrong {
        new.execute(&format!("DELETE FROM {table} WHERE {key} = ?"), [key_value]).map_err(&failed)?;
    }
    Ok(wrong.len())
}
