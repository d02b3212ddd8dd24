/* The contract against libvirt's test driver: the whole adapter, a host that is always there. */
#include "contract/hypervisor/hypervisor_contract.h"
#include "hypervisor/libvirt/libvirt_hypervisor.h"

static Hypervisor *open_host(void)
{
    return libvirt_hypervisor_new("test:///default", NULL);
}

int main(void)
{
    const HypervisorContract contract = {.name = "libvirt test driver",
                                         .open = open_host,
                                         .disk_directory = "/x",
                                         .guests_obey = TRUE};
    return hypervisor_contract_run(&contract);
}
