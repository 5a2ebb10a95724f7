import GRDB

/// The tables, as named migrations: each is carried out once, in order, and never edited afterwards.
///
/// Times are kept on an axis of their own, wall time less `meta.clock_offset`, so that a step of the wall clock moves all
/// of them by changing one row. Addresses are 4 or 16 bytes in network order. Texts are PeerText's escaped form.
enum Schema {
    static var migrator: DatabaseMigrator {
        var migrator = DatabaseMigrator()
        migrator.registerMigration("1 rows") { database in
            var random = SystemRandomNumberGenerator()
            try database.execute(
                sql: """
                    CREATE TABLE meta (name TEXT PRIMARY KEY NOT NULL, value INTEGER NOT NULL) STRICT, WITHOUT ROWID;
                    INSERT INTO meta VALUES ('clock_offset', 0);

                    -- key: hash of (group, sender, recipient) under the two halves of hash_key.
                    CREATE TABLE grey (
                      id INTEGER PRIMARY KEY, key INTEGER NOT NULL, address BLOB NOT NULL, helo TEXT NOT NULL, sender TEXT NOT NULL,
                      recipient TEXT NOT NULL, first INTEGER NOT NULL, pass INTEGER NOT NULL, expire INTEGER NOT NULL,
                      block INTEGER NOT NULL, passed INTEGER NOT NULL) STRICT;
                    CREATE INDEX grey_key ON grey(key);
                    CREATE INDEX grey_address ON grey(address);
                    CREATE INDEX grey_expire ON grey(expire);
                    -- Grey rows up to this id of an address that is white or trapped now, too many to delete at once.
                    CREATE TABLE sweep (address BLOB PRIMARY KEY NOT NULL, upto INTEGER NOT NULL) STRICT, WITHOUT ROWID;

                    -- kind: 1 white, 2 trapped. One row an address, so one replaces the other.
                    CREATE TABLE host (
                      address BLOB PRIMARY KEY NOT NULL, kind INTEGER NOT NULL, first INTEGER NOT NULL, pass INTEGER NOT NULL,
                      expire INTEGER NOT NULL, block INTEGER NOT NULL, passed INTEGER NOT NULL) STRICT, WITHOUT ROWID;
                    CREATE INDEX host_expire ON host(expire);

                    CREATE TABLE spamtrap (key TEXT PRIMARY KEY NOT NULL) STRICT, WITHOUT ROWID;

                    -- host: what stands behind the @ of `@host` and `name@host`.
                    CREATE TABLE domain (pattern TEXT PRIMARY KEY NOT NULL, host TEXT) STRICT, WITHOUT ROWID;
                    CREATE INDEX domain_host ON domain(host) WHERE host IS NOT NULL;

                    CREATE TABLE allow (
                      address BLOB NOT NULL, length INTEGER NOT NULL, PRIMARY KEY (address, length)) STRICT, WITHOUT ROWID;
                    -- How many blocks of each family and length there are: what a look-up has to try.
                    CREATE TABLE allow_length (
                      family INTEGER NOT NULL, length INTEGER NOT NULL, blocks INTEGER NOT NULL,
                      PRIMARY KEY (family, length)) STRICT, WITHOUT ROWID;
                    CREATE TRIGGER allow_added AFTER INSERT ON allow BEGIN
                      INSERT INTO allow_length VALUES (length(NEW.address), NEW.length, 1)
                        ON CONFLICT DO UPDATE SET blocks = blocks + 1;
                    END;
                    CREATE TRIGGER allow_deleted AFTER DELETE ON allow BEGIN
                      UPDATE allow_length SET blocks = blocks - 1 WHERE family = length(OLD.address) AND length = OLD.length;
                      DELETE FROM allow_length WHERE blocks = 0;
                    END;

                    -- key: hash of (sender, recipient). A false match only spares somebody a trap.
                    CREATE TABLE offer (key INTEGER PRIMARY KEY, expire INTEGER NOT NULL) STRICT;
                    CREATE INDEX offer_expire ON offer(expire);
                    """)
            for half in ["hash_key_0", "hash_key_1"] {
                try database.execute(
                    sql: "INSERT INTO meta VALUES (?, ?)", arguments: [half, Int64.random(in: .min ... .max, using: &random)])
            }
        }
        return migrator
    }
}
