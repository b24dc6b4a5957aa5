//! What is no table is never dropped; where it depends on one that is, somebody else has to take it away before.

use super::*;

/// The view of the mapping looks at a table of the mapping.
const SEEN: &str = "DROP VIEW seen; CREATE VIEW seen AS SELECT id FROM many";

fn dropped(place: &Place) -> Result<Vec<String>, Error> {
    Ok(place.leave(Drop::Yes(place.server.database()), &|_| {})?.dropped)
}

fn missing(place: &Place) -> String {
    match place.leave(Drop::No, &|_| {}) {
        Err(Error::Missing { tables }) => tables,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_view_that_depends_on_a_table_is_named_and_is_not_missed_once_it_is_gone() {
    let Some(running) = running() else { return };
    let session = running.database("depending");
    session.execute("make tables", TABLES).unwrap();
    session.execute("make a view", SEEN).unwrap();
    let place = Place::new(&running, "depending");
    place.leave(Drop::No, &|_| {}).unwrap();
    let depended = dropped(&place).unwrap_err();
    let names_it = |reason: &str| reason.ends_with("(view seen depends on table many)");
    assert!(matches!(&depended, Error::Depended { reason } if names_it(reason)), "{depended}");
    session.execute("drop what depends", "DROP VIEW seen").unwrap();
    assert!(place.leave(Drop::No, &|_| {}).unwrap().was_there, "the store holds all of it");
    // The tables are looked at as ever.
    session.execute("change a row", "UPDATE many SET price = 0.11 WHERE id = 7").unwrap();
    let changed = dropped(&place).unwrap_err();
    assert!(matches!(&changed, Error::ChangedTable { table, .. } if table == "public.many"), "{changed}");
    session.execute("change it back", "UPDATE many SET price = 0.7 WHERE id = 7").unwrap();
    let report = place.leave(Drop::Yes("depending"), &|_| {}).unwrap();
    assert_eq!((report.was_there, report.dropped), (true, DROPPED.map(str::to_owned).to_vec()));
    assert!(report.text.contains("| public.seen | view | 1000 | 3 |"), "{}", report.text);
    assert!(report.text.contains("| left alone: no table, and so never dropped |"), "{}", report.text);
    assert_eq!(place.read("public.seen", "count(*)"), "1000");
    assert_eq!(dropped(&place).unwrap().len(), DROPPED.len(), "whoever did not hear the answer asks again");
}

#[test]
fn a_view_that_left_the_mapping_and_the_server_is_not_missed_either() {
    let Some(running) = running() else { return };
    let session = running.database("view_left");
    session.execute("make tables", TABLES).unwrap();
    session.execute("make a view", SEEN).unwrap();
    let mut place = Place::new(&running, "view_left");
    place.leave(Drop::No, &|_| {}).unwrap();
    place.mapped.retain(|name| name.table != "seen");
    let other = dropped(&place).unwrap_err();
    assert!(
        matches!(&other, Error::MappedOtherwise { tables, .. } if tables == "public.seen is named no more"),
        "it still stands there: {other}"
    );
    session.execute("drop what depends", "DROP VIEW seen").unwrap();
    assert_eq!(dropped(&place).unwrap(), DROPPED);
}

#[test]
fn where_the_mapping_is_another_one_that_is_said_and_the_tables_stay() {
    let Some(running) = running() else { return };
    let session = running.database("mapped_otherwise");
    session.execute("make tables", TABLES).unwrap();
    let mut place = Place::new(&running, "mapped_otherwise");
    place.leave(Drop::No, &|_| {}).unwrap();
    place.mapped.retain(|name| name.table != "many");
    place.mapped.push("public.unrelated".to_owned().try_into().unwrap());
    let other = dropped(&place).unwrap_err();
    let expected = "public.unrelated is new, public.many is named no more";
    assert!(matches!(&other, Error::MappedOtherwise { tables, .. } if tables == expected), "{other}");
    assert_eq!(count(&session, "many"), 1_000);
    // The step that it names: what the mapping names now is exported, and that alone is dropped.
    assert!(!place.leave(Drop::No, &|_| {}).unwrap().was_there);
    session.execute("drop what depends", "DROP VIEW seen").unwrap();
    let expected = ["merganser.orders", "public.Odd ones", "public.nothing", "public.unrelated"];
    assert_eq!(dropped(&place).unwrap(), expected);
    assert_eq!(count(&session, "many"), 1_000);
}

#[test]
fn what_is_gone_must_be_in_the_export_and_a_new_export_holds_all_that_the_mapping_names() {
    let Some(running) = running() else { return };
    let session = running.database("gone_views");
    session.execute("make tables", TABLES).unwrap();
    session.execute("drop the view", "DROP VIEW seen").unwrap();
    let mut place = Place::new(&running, "gone_views");
    assert_eq!(missing(&place), "public.seen", "nothing was exported");
    session.execute("make a view", "CREATE VIEW seen AS SELECT id FROM many").unwrap();
    place.leave(Drop::No, &|_| {}).unwrap();
    session.execute("drop the view", "DROP VIEW seen").unwrap();
    session.execute("change a row", "UPDATE many SET price = 0.11 WHERE id = 7").unwrap();
    assert_eq!(missing(&place), "public.seen", "what stands there now would be exported without it");
    place.mapped.retain(|name| name.table != "seen");
    assert!(!place.leave(Drop::No, &|_| {}).unwrap().was_there);
    assert_eq!(dropped(&place).unwrap(), DROPPED);
    assert_eq!(place.read("public.seen", "count(*)"), "1000", "what it showed stays in the store");
}
