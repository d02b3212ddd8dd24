/* The contract against the in-memory host. */
#include "contract/hypervisor/hypervisor_contract.h"
#include "hypervisor/memory/memory_hypervisor.h"

static Hypervisor *open_host(void)
{
    return memory_hypervisor_new(NULL);
}

int main(void)
{
    const HypervisorContract contract = {
        .name = "memory",
        .open = open_host,
        .disk_directory = "/x",
        .guests_obey = TRUE,
        .has_screens = TRUE,
    };
    return hypervisor_contract_run(&contract);
}
