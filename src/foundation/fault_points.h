/* The table of fault points, read by fault_point.h and by the crash sweep. */
#pragma once

/* Grouped by who visits them. Names are stable: a report of a sweep quotes them. */
#define FAULT_POINTS(X)                                                                            \
    /* foundation/durable_file */                                                                  \
    X(FILE_WRITE, "file-write")                                                                    \
    X(FILE_SYNC, "file-sync")                                                                      \
    X(FILE_RENAME, "file-rename")                                                                  \
    X(DIRECTORY_SYNC, "directory-sync")                                                            \
    /* storage: staging */                                                                         \
    X(STAGE_DIRECTORY, "stage-directory")                                                          \
    X(STAGE_HEAD, "stage-head")                                                                    \
    X(STAGE_LINK, "stage-link")                                                                    \
    X(STAGE_COPY, "stage-copy")                                                                    \
    X(STAGE_RECORD, "stage-record")                                                                \
    X(STAGE_SYNC, "stage-sync")                                                                    \
    X(STAGE_ABANDON, "stage-abandon")                                                              \
    /* storage: the switch */                                                                      \
    X(SWITCH_EXCHANGE, "switch-exchange")                                                          \
    X(SWITCH_PUT_ASIDE, "switch-put-aside")                                                        \
    X(SWITCH_CLEAN, "switch-clean")                                                                \
    X(SWITCH_SYNC, "switch-sync")                                                                  \
    X(SEAL_RENAME, "seal-rename")                                                                  \
    X(SEAL_PROTECT, "seal-protect")                                                                \
    X(UNSEAL_UNPROTECT, "unseal-unprotect")                                                        \
    X(UNSEAL_RENAME, "unseal-rename")                                                              \
    X(TRASH_RENAME, "trash-rename")                                                                \
    X(ADOPT_UNLINK, "adopt-unlink")                                                                \
    X(EXPORT_LINK, "export-link")                                                                  \
    X(FLATTEN_RENAME, "flatten-rename")                                                            \
    X(RECLAIM_UNLINK, "reclaim-unlink")                                                            \
    X(STORE_GENERATION, "store-generation")                                                        \
    /* catalog */                                                                                  \
    X(CATALOG_BEGIN, "catalog-begin")                                                              \
    X(CATALOG_COMMIT, "catalog-commit")                                                            \
    X(CATALOG_COMMITTED, "catalog-committed")                                                      \
    X(CATALOG_BACKUP, "catalog-backup")                                                            \
    /* hypervisor */                                                                               \
    X(DOMAIN_DEFINE, "domain-define")                                                              \
    X(DOMAIN_UNDEFINE, "domain-undefine")                                                          \
    /* barrier */                                                                                  \
    X(MARK_WRITE, "mark-write")                                                                    \
    X(MARK_REMOVE, "mark-remove")
