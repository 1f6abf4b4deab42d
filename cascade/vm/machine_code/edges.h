/* What two regions have in the same place: it stays there where one follows the other. Included by analysis.h. */

/* The number of the place of another region that is the same register for the same register of the kernel; -1 where there is none. */
static int shared_place(const cascade_plan *plan, int region, int number, int other)
{
    const cascade_placed *placed = &plan->regions[region].placed[number];
    int found = place_number(plan, other, placed->slot);
    if (found < 0 || has_both(plan, other, found) || has_both(plan, region, place_number(plan, region, placed->slot))
        || plan->regions[other].placed[found].place != placed->place || plan->regions[other].placed[found].is_float != placed->is_float)
        return -1;
    return found;
}

/* Of some places of a region those that are the same in another one: their bits there, or, with `own`, in the region itself. */
static uint32_t shared_places(const cascade_plan *plan, int region, int other, uint32_t which, int own)
{
    uint32_t found = 0;
    if (region == NO_REGION || other == NO_REGION)
        return 0;
    for (int i = 0; i < plan->regions[region].count; i++) {
        int number = which >> i & 1 ? shared_place(plan, region, i, other) : -1;
        if (number >= 0)
            found |= (uint32_t)1 << (own ? i : number);
    }
    return found;
}

/* Whether both regions have a register of the kernel in the same register, or in memory. */
static int has_same_place(const cascade_plan *plan, int region, int other, int32_t slot)
{
    int number = place_number(plan, region, slot), there = place_number(plan, other, slot);
    return number < 0 ? there < 0 : there >= 0 && plan->regions[region].placed[number].place == plan->regions[other].placed[there].place;
}

/* The facts, or the rows, that both regions have at the same places. */
static uint32_t shared_facts(const cascade_plan *plan, int region, int other)
{
    uint32_t found = 0;
    if (region == NO_REGION || other == NO_REGION)
        return 0;
    for (int fact = 0; fact < plan->fact_count; fact++) {
        int is_shared = plan->regions[region].facts >> fact & plan->regions[other].facts >> fact & 1;
        for (int part = 0; part < FACT_PARTS; part++)
            is_shared &= has_same_place(plan, region, other, fact_slot(plan, fact, part));
        found |= (uint32_t)is_shared << fact;
    }
    return found;
}
static uint32_t shared_rows(const cascade_plan *plan, int region, int other)
{
    uint32_t found = 0, facts = shared_facts(plan, region, other);
    if (region == NO_REGION || other == NO_REGION)
        return 0;
    for (int row = 0; row < plan->row_count; row++)
        if (plan->regions[region].rows >> row & plan->regions[other].rows >> row & facts >> plan->rows[row].fact & 1
            && has_same_place(plan, region, other, row_slot(plan, row)))
            found |= (uint32_t)1 << row;
    return found;
}
