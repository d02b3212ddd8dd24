/*
 * The hypervisor port: domains of one host. Checked wrappers; the vtable is in
 * hypervisor_adapter.h. Thread-safe. No call may be made while a hook of the same domain waits for
 * our answer (the barrier sees to it).
 */
#pragma once

#include <gio/gio.h>

#include "model/machine.h"

typedef struct Hypervisor Hypervisor;
void hypervisor_free(Hypervisor *hypervisor);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Hypervisor, hypervisor_free)

typedef enum {
    POWER_UNKNOWN,
    POWER_OFF,
    POWER_RUNNING,
    POWER_PAUSED,
    POWER_SAVED,
    POWER_STOPPING,
    POWER_STALLED, /* QEMU itself paused it, as a disk could not be written or read */
} Power;
#define POWER_COUNT (POWER_STALLED + 1)
/* "unknown", "off", "running", "paused", "saved", "stopping", "stalled" */
const char *power_name(Power power);
/* FALSE where no power is called that. */
gboolean power_from_name(const char *name, Power *power_out);
/* Whether a QEMU process (or saved memory of one) holds the heads. UNKNOWN counts as yes. */
gboolean power_is_active(Power power);
/* Whether a QEMU process is known to be there. */
gboolean power_is_live(Power power);
/* Whether that process keeps its guest still: it hears no request, and a start lets it go on. */
gboolean power_is_halted(Power power);

typedef struct {
    char *uuid;
    char *name;
    Power power; /* SAVED: managed save, or stopped with reason "saved" */
    gboolean autostart;
    gboolean persistent;
    char *machine_id; /* from our <metadata>; NULL: not ours */
} DomainState;
DomainState *domain_state_new(void); /* all zero */
void domain_state_free(DomainState *state);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DomainState, domain_state_free)

typedef struct {
    char *target; /* "vda" */
    char *device; /* "disk", "cdrom", "floppy", "lun" */
    char *type;   /* "file", "block", "network", "volume" … */
    char *path;   /* NULL: empty drive or not a file */
    char *format; /* driver type; NULL: not named */
    gboolean readonly, shareable, transient, encrypted;
    gboolean stored_chain; /* the stored XML carries a <backingStore> below it */
    guint boot_order;      /* 0: none */
} DomainDisk;
DomainDisk *domain_disk_new(void); /* all zero */
void domain_disk_free(DomainDisk *disk);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DomainDisk, domain_disk_free)

/* Everything a plan needs to know about one domain. */
typedef struct {
    DomainState *state;
    GPtrArray *disks; /* DomainDisk of the stored (inactive) definition, in XML order */
    char *nvram_path; /* NULL: no UEFI variables */
    char *xml;        /* stored definition, secure info included */
    guint snapshots, checkpoints;
    char *first_snapshot; /* name, for the message; NULL */
    gboolean block_job;
    gboolean managed_save;
    gboolean saved_to_file; /* stopped with reason "saved" without managed save */
    gboolean shut_down;     /* off since its guest powered itself off, as far as is remembered */
    gboolean poweroff_restarts; /* on_poweroff=restart */
    gboolean has_tpm_state, has_shared_memory_dirs;
} DomainFacts;
/* With a state and an empty array of disks that frees its elements. */
DomainFacts *domain_facts_new(void);
void domain_facts_free(DomainFacts *facts);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DomainFacts, domain_facts_free)

/* UNAVAILABLE while the host does not answer: every call below may say so. */
gboolean hypervisor_ping(Hypervisor *hypervisor, GError **error);
/* All domains of the host, ours and others. New array of DomainState. */
GPtrArray *hypervisor_list(Hypervisor *hypervisor, GError **error);
/* The names of all domains, in one call: name -> UUID. New table with its own texts. */
GHashTable *hypervisor_names(Hypervisor *hypervisor, GError **error);
/* NOT_FOUND where there is none. By UUID, or by name. */
DomainFacts *hypervisor_inspect(Hypervisor *hypervisor, const char *uuid_or_name, GError **error);
/* What the stored definition alone says: state's name, UUID and machine id, disks, NVRAM, XML, what
 * it does at power-off, TPM; the rest is zero. For plans over thousands of machines: two calls to
 * libvirt, where inspect needs ten. NOT_FOUND where there is none. */
DomainFacts *hypervisor_definition(Hypervisor *hypervisor, const char *uuid, GError **error);

/* One domain's state alone: cheaper than inspect. NOT_FOUND where there is none. */
gboolean hypervisor_power(Hypervisor *hypervisor, const char *uuid, Power *power_out,
                          GError **error);
/* What a plan over thousands of machines asks in a few calls: uuid -> DomainMarks
 * (GUINT_TO_POINTER), only domains that have any. New table with its own keys. */
typedef enum {
    DOMAIN_HAS_SNAPSHOT = 1,
    DOMAIN_HAS_CHECKPOINT = 2,
    DOMAIN_HAS_MANAGED_SAVE = 4,
} DomainMarks;
GHashTable *hypervisor_marks(Hypervisor *hypervisor, GError **error);

/* The disk that a machine's definition shall have. */
typedef struct {
    char *target;
    char *path;
    char *format;
} DomainDiskSpec;
/* Copies its arguments. */
DomainDiskSpec *domain_disk_spec_new(const char *target, const char *path, const char *format);
void domain_disk_spec_free(DomainDiskSpec *spec);

typedef struct {
    const char *uuid;
    const char *name;
    const char *machine_id;
    const char *template_xml; /* base's, or the domain's own; NULL: a new machine from scratch */
    gboolean is_clone;        /* new UUID, MACs, name, NVRAM; S4 disabled; instance id */
    GPtrArray *disks;         /* DomainDiskSpec: exactly the volumes; CD-ROMs stay as they are */
    const char *nvram_path;   /* NULL: none */
    const char *instance_id;  /* the ID of SMBIOS "ds=nocloud;i=ID;h=NAME"; NULL: leave */
    guint64 memory_mib;       /* from scratch */
    guint cpus;
    const char *hardware_xml; /* rebase --new-hardware: take CPU, memory, devices but disks and MACs
                                 from this; NULL */
} DomainSpec;
/*
 * Builds the XML for a spec from its template: unknown elements survive, stored chains are
 * stripped, our id goes into <metadata>. Pure; caller frees. INVALID where the template cannot be
 * used.
 */
char *hypervisor_build_xml(Hypervisor *hypervisor, const DomainSpec *spec, GError **error);
/* Defines or redefines a persistent domain from XML. Idempotent. Durable as libvirt makes it. */
gboolean hypervisor_define(Hypervisor *hypervisor, const char *xml, GError **error);
/* The same for a domain that hypervisor_names() has not shown, by name or by UUID: without looking
 * again. EXISTS where its name has been taken since. */
gboolean hypervisor_define_new(Hypervisor *hypervisor, const char *xml, GError **error);
/* Undefines, keeping NVRAM and files; drops checkpoint metadata. NOT_FOUND is success. */
gboolean hypervisor_undefine(Hypervisor *hypervisor, const char *uuid, GError **error);
/*
 * From here on REFUSED for a domain without our id: others are never changed. A state that is there
 * already is success: starting what runs, shutting down or powering off what is off. Reboot, and
 * set_reboot_stops, need it running. To start what is halted lets it go on where it was.
 */
gboolean hypervisor_start(Hypervisor *hypervisor, const char *uuid, GError **error);
gboolean hypervisor_shutdown(Hypervisor *hypervisor, const char *uuid, GError **error);
gboolean hypervisor_poweroff(Hypervisor *hypervisor, const char *uuid, GError **error);
gboolean hypervisor_reboot(Hypervisor *hypervisor, const char *uuid, GError **error);
/* Live: the guest's next reboot becomes a stop (TRUE), or a reboot again (FALSE). The stored XML is
 * unchanged. */
gboolean hypervisor_set_reboot_stops(Hypervisor *hypervisor, const char *uuid, gboolean stops,
                                     GError **error);
/*
 * Puts `stamp` (an id) where memory that is saved from now on carries it to the start hook: into
 * the live metadata of a running domain; of one that is off, into its managed save, if that carries
 * `carried` so far (NULL: no stamp). The stored definition is unchanged. REFUSED where there is
 * neither.
 */
gboolean hypervisor_stamp(Hypervisor *hypervisor, const char *uuid, const char *carried,
                          const char *stamp, GError **error);
gboolean hypervisor_set_autostart(Hypervisor *hypervisor, const char *uuid, gboolean autostart,
                                  GError **error);
/* Where the screen of a running domain is shown. */
typedef enum { DISPLAY_VNC, DISPLAY_SPICE } DisplayKind;
typedef struct {
    DisplayKind kind;
    guint index;          /* among the domain's displays */
    char *socket;         /* path of a unix socket; NULL: it listens by TCP, if at all */
    char *host;           /* address that it listens at; NULL: none */
    guint port, tls_port; /* 0: none */
} DomainDisplay;
DomainDisplay *domain_display_new(void); /* all zero */
void domain_display_free(DomainDisplay *display);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DomainDisplay, domain_display_free)
#define DOMAIN_DISPLAY_HINT                                                                        \
    "shut it down and add <graphics type='vnc'><listen type='socket'/></graphics>, and a <video> " \
    "device, by virsh edit"
/* REFUSED with the remedy where a domain's display is not VNC, which is all that a console speaks.
 */
gboolean domain_display_require_vnc(const DomainDisplay *display, const char *name, GError **error);

/* Of a domain of ours that runs; VNC where it has several. REFUSED with the remedy where it is off
 * or has none. */
DomainDisplay *hypervisor_display(Hypervisor *hypervisor, const char *uuid, GError **error);
/*
 * A socket connected to the domain's VNC server, past its password; the caller closes it. Nothing
 * listens anywhere for it. -1 with REFUSED and the remedy as above, and where it has SPICE alone.
 */
int hypervisor_open_screen(Hypervisor *hypervisor, const char *uuid, GError **error);
/* Proves that the start hook is installed and in force, by a start that it must refuse.
 * `store_root` is the store whose hook is meant. FALSE with REFUSED and the remedy where it is not.
 */
gboolean hypervisor_probe_hook(Hypervisor *hypervisor, const char *store_root, GError **error);

typedef enum {
    DOMAIN_STARTED,
    DOMAIN_STOPPED,
    DOMAIN_REBOOT_STOPPED, /* precedes STOPPED: the guest asked for a reboot that we had turned into
                              a stop */
    DOMAIN_SAVED,
    DOMAIN_SUSPENDED_TO_DISK,
    DOMAIN_HALTED,  /* it is paused or has stalled, or sleeps */
    DOMAIN_RESUMED, /* and goes on */
    DOMAIN_DEFINED,
    DOMAIN_UNDEFINED,
    HYPERVISOR_LOST,  /* uuid NULL */
    HYPERVISOR_FOUND, /* uuid NULL: connected (again); resync now */
} HypervisorEvent;
typedef void (*HypervisorListener)(HypervisorEvent event, const char *uuid, gpointer user_data);
/* One listener. Called on the adapter's own thread; it must not call the port, only hand the event
 * on. */
void hypervisor_listen(Hypervisor *hypervisor, HypervisorListener listener, gpointer user_data);
